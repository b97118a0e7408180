//! `<` and `>` in conditions compare what can be compared: minijinja puts values of different kinds in an order of its own, in
//! which any text is more than any number, so that `trigger.payload > 25` would hold for every message.
//!
//! An expression is read and written anew with its comparisons as calls of functions that refuse a number beside
//! something that is none. It knows no values; those functions do.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use minijinja::machinery::ast::{BinOpKind, CallArg, CompareOpKind, Expr, UnaryOpKind};
use minijinja::machinery::parse_expr;
use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Value};

/// The functions, by the sign they stand for.
const LESS: &str = "__less";
const LESS_OR_SAME: &str = "__less_or_same";
const MORE: &str = "__more";
const MORE_OR_SAME: &str = "__more_or_same";

/// The longest expression that is written, bytes: what stands in the middle of `a < b < c` is written twice.
const LONGEST: usize = 1 << 20;

/// The expression with its comparisons written as calls.
///
/// # Errors
/// Why it cannot be read.
pub(super) fn with_calls(expression: &str) -> Result<Cow<'_, str>, Error> {
    if !expression.contains(['<', '>']) {
        return Ok(Cow::Borrowed(expression));
    }
    let mut out = String::with_capacity(expression.len() * 2);
    write(&mut out, &parse_expr(expression)?);
    match out.len() > LONGEST {
        true => Err(Error::new(ErrorKind::InvalidOperation, "its chains of comparisons stand in one another")),
        false => Ok(Cow::Owned(out)),
    }
}

/// What the calls call.
pub(super) fn add_functions(environment: &mut Environment<'_>) {
    let mut add = |name: &'static str, sign: &'static str, holds: fn(Ordering) -> bool| {
        environment
            .add_function(name, move |a: Value, b: Value| -> Result<bool, Error> { Ok(holds(compare(&a, sign, &b)?)) });
    };
    add(LESS, "<", Ordering::is_lt);
    add(LESS_OR_SAME, "<=", Ordering::is_le);
    add(MORE, ">", Ordering::is_gt);
    add(MORE_OR_SAME, ">=", Ordering::is_ge);
}

fn compare(a: &Value, sign: &str, b: &Value) -> Result<Ordering, Error> {
    if a.is_undefined() || b.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if (a.kind() == ValueKind::Number) != (b.kind() == ValueKind::Number) {
        let said = format!("{} {sign} {} compares a number with what is none: write `x|float`", shown(a), shown(b));
        return Err(Error::new(ErrorKind::InvalidOperation, said));
    }
    Ok(a.cmp(b))
}

fn shown(value: &Value) -> String {
    let text = format!("{value:?}");
    match text.len() > 40 {
        true => format!("{}…", &text[..text.floor_char_boundary(40)]),
        false => text,
    }
}

/// How strongly the parts of an expression hold together, as minijinja reads them; what holds less needs brackets.
mod strength {
    pub(super) const CHOICE: u8 = 0;
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARISON: u8 = 4;
    pub(super) const SUM: u8 = 5;
    pub(super) const TEXT: u8 = 6;
    pub(super) const PRODUCT: u8 = 7;
    pub(super) const POWER: u8 = 8;
    pub(super) const FILTER: u8 = 9;
    pub(super) const MINUS: u8 = 10;
    pub(super) const WHOLE: u8 = 11;
}

/// How strongly this one holds together as it is written here.
fn strength_of(expr: &Expr<'_>) -> u8 {
    match expr {
        Expr::IfExpr(_) => strength::CHOICE,
        Expr::UnaryOp(op) => match op.op {
            UnaryOpKind::Not => strength::NOT,
            UnaryOpKind::Neg => strength::MINUS,
        },
        Expr::BinOp(op) => sign_of(op.op).map_or(strength::WHOLE, |(_, strength)| strength),
        Expr::Compare(_) => strength::AND,
        Expr::Filter(_) | Expr::Test(_) => strength::FILTER,
        // A dot behind digits is part of a number.
        Expr::Const(constant) if constant.value.kind() == ValueKind::Number => strength::MINUS,
        _ => strength::WHOLE,
    }
}

/// An operator's sign and strength; none for those that become calls.
fn sign_of(op: BinOpKind) -> Option<(&'static str, u8)> {
    Some(match op {
        BinOpKind::Lt | BinOpKind::Lte | BinOpKind::Gt | BinOpKind::Gte => return None,
        BinOpKind::ScOr => ("or", strength::OR),
        BinOpKind::ScAnd => ("and", strength::AND),
        BinOpKind::Eq => ("==", strength::COMPARISON),
        BinOpKind::Ne => ("!=", strength::COMPARISON),
        BinOpKind::In => ("in", strength::COMPARISON),
        BinOpKind::Add => ("+", strength::SUM),
        BinOpKind::Sub => ("-", strength::SUM),
        BinOpKind::Concat => ("~", strength::TEXT),
        BinOpKind::Mul => ("*", strength::PRODUCT),
        BinOpKind::Div => ("/", strength::PRODUCT),
        BinOpKind::FloorDiv => ("//", strength::PRODUCT),
        BinOpKind::Rem => ("%", strength::PRODUCT),
        BinOpKind::Pow => ("**", strength::POWER),
    })
}

/// Writes what must hold together at least so strongly, in brackets where it does not by itself.
fn part(out: &mut String, expr: &Expr<'_>, least: u8) {
    match strength_of(expr) < least {
        true => wrap(out, |out| write(out, expr)),
        false => write(out, expr),
    }
}

/// Writes an expression. Brackets count twice of the depth that the parser allows, so there are no more than needed.
fn write(out: &mut String, expr: &Expr<'_>) {
    if out.len() > LONGEST {
        return;
    }
    match expr {
        Expr::Var(var) => out.push_str(var.id),
        Expr::Const(constant) => constant_as_written(out, &constant.value),
        Expr::UnaryOp(op) => {
            let (sign, strength) = match op.op {
                UnaryOpKind::Not => ("not ", strength::NOT),
                UnaryOpKind::Neg => ("-", strength::MINUS),
            };
            out.push_str(sign);
            part(out, &op.expr, strength);
        }
        Expr::BinOp(op) => binary(out, op.op, &op.left, &op.right),
        Expr::Compare(chain) => {
            let mut left = &chain.expr;
            for (at, op) in chain.ops.iter().enumerate() {
                if at > 0 {
                    out.push_str(" and ");
                }
                comparison(out, op.op, left, &op.expr);
                left = &op.expr;
            }
        }
        Expr::IfExpr(choice) => {
            part(out, &choice.true_expr, strength::OR);
            out.push_str(" if ");
            part(out, &choice.test_expr, strength::OR);
            if let Some(other) = &choice.false_expr {
                out.push_str(" else ");
                write(out, other);
            }
        }
        Expr::Filter(filter) => {
            filter.expr.iter().for_each(|expr| part(out, expr, strength::FILTER));
            let _ = write!(out, "|{}", filter.name);
            if !filter.args.is_empty() {
                arguments(out, &filter.args);
            }
        }
        Expr::Test(test) => {
            part(out, &test.expr, strength::FILTER);
            let _ = write!(out, " is {}", test.name);
            // Without brackets the next word may be taken for what it is asked with.
            arguments(out, &test.args);
        }
        Expr::GetAttr(attr) => {
            part(out, &attr.expr, strength::WHOLE);
            let _ = write!(out, ".{}", attr.name);
        }
        Expr::GetItem(item) => {
            part(out, &item.expr, strength::WHOLE);
            out.push('[');
            write(out, &item.subscript_expr);
            out.push(']');
        }
        Expr::Slice(slice) => {
            part(out, &slice.expr, strength::WHOLE);
            out.push('[');
            slice.start.iter().for_each(|expr| write(out, expr));
            out.push(':');
            slice.stop.iter().for_each(|expr| write(out, expr));
            if let Some(step) = &slice.step {
                out.push(':');
                write(out, step);
            }
            out.push(']');
        }
        Expr::Call(call) => {
            part(out, &call.expr, strength::WHOLE);
            arguments(out, &call.args);
        }
        Expr::List(list) => enclosed(out, ('[', ']'), &list.items, false),
        Expr::Tuple(tuple) => enclosed(out, ('(', ')'), &tuple.items, tuple.items.len() == 1),
        Expr::Map(map) => {
            out.push('{');
            for (at, (key, value)) in map.keys.iter().zip(&map.values).enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                write(out, key);
                out.push_str(": ");
                write(out, value);
            }
            out.push('}');
        }
    }
}

fn binary(out: &mut String, op: BinOpKind, left: &Expr<'_>, right: &Expr<'_>) {
    let Some((sign, strength)) = sign_of(op) else {
        let name = match op {
            BinOpKind::Lt => LESS,
            BinOpKind::Lte => LESS_OR_SAME,
            BinOpKind::Gt => MORE,
            _ => MORE_OR_SAME,
        };
        return call(out, name, left, right);
    };
    // `a - b - c` is `(a - b) - c`; `a == b == c` would be a chain.
    part(out, left, if strength == strength::COMPARISON { strength + 1 } else { strength });
    let _ = write!(out, " {sign} ");
    part(out, right, strength + 1);
}

fn comparison(out: &mut String, op: CompareOpKind, left: &Expr<'_>, right: &Expr<'_>) {
    let sign = match op {
        CompareOpKind::Lt => return call(out, LESS, left, right),
        CompareOpKind::Lte => return call(out, LESS_OR_SAME, left, right),
        CompareOpKind::Gt => return call(out, MORE, left, right),
        CompareOpKind::Gte => return call(out, MORE_OR_SAME, left, right),
        CompareOpKind::Eq => "==",
        CompareOpKind::Ne => "!=",
        CompareOpKind::In => "in",
        CompareOpKind::NotIn => "not in",
    };
    part(out, left, strength::COMPARISON + 1);
    let _ = write!(out, " {sign} ");
    part(out, right, strength::COMPARISON + 1);
}

fn call(out: &mut String, name: &str, left: &Expr<'_>, right: &Expr<'_>) {
    let _ = write!(out, "{name}(");
    write(out, left);
    out.push_str(", ");
    write(out, right);
    out.push(')');
}

fn arguments(out: &mut String, all: &[CallArg<'_>]) {
    wrap(out, |out| {
        for (at, one) in all.iter().enumerate() {
            out.push_str(if at > 0 { ", " } else { "" });
            match one {
                CallArg::Pos(expr) => write(out, expr),
                CallArg::Kwarg(name, expr) => {
                    let _ = write!(out, "{name}=");
                    write(out, expr);
                }
                CallArg::PosSplat(expr) => {
                    out.push('*');
                    write(out, expr);
                }
                CallArg::KwargSplat(expr) => {
                    out.push_str("**");
                    write(out, expr);
                }
            }
        }
    });
}

fn enclosed(out: &mut String, (open, close): (char, char), items: &[Expr<'_>], ends_in_comma: bool) {
    out.push(open);
    for (at, item) in items.iter().enumerate() {
        out.push_str(if at > 0 { ", " } else { "" });
        write(out, item);
    }
    out.push_str(if ends_in_comma { "," } else { "" });
    out.push(close);
}

fn wrap(out: &mut String, inside: impl FnOnce(&mut String)) {
    out.push('(');
    inside(out);
    out.push(')');
}

fn constant_as_written(out: &mut String, value: &Value) {
    match value.kind() {
        ValueKind::None | ValueKind::Undefined => out.push_str("none"),
        ValueKind::String => out.push_str(&serde_json::Value::from(value.as_str().unwrap_or_default()).to_string()),
        // What is folded to one value already: lists of constants.
        ValueKind::Seq => {
            out.push('[');
            for (at, one) in value.try_iter().into_iter().flatten().enumerate() {
                out.push_str(if at > 0 { ", " } else { "" });
                constant_as_written(out, &one);
            }
            out.push(']');
        }
        _ => {
            let _ = write!(out, "{value}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::holds;
    use super::*;
    use crate::kernel::error::Kind;
    use serde_json::json;

    #[test]
    fn a_number_is_compared_with_numbers_alone() {
        let facts = json!({"payload": "3", "n": 30, "none": null, "a": {"b": [1, 2]}, "t": "07:30"});
        for (expression, want) in [
            ("n > 25", true),
            ("payload|int > 25", false),
            ("payload|float < n", true),
            ("t >= '07:00' and t < '08:00'", true),
            ("1 < a.b[1] <= 2", true),
            ("not (n > 25) or a['b'][0] >= 1", true),
            ("(1 if n > 3 else 2) > 1", false),
            ("payload is defined and n|default(3) > 2", true),
            ("payload in ['3', 'a\"\\n<'] and n > 1", true),
            ("-n < 0 and n - 5 > 2 * 3 and n % 7 < 5", true),
            ("payload is startingwith('3') and n < 31", true),
            // What is not come to is not compared.
            ("n == 30 or payload > 3", true),
            ("payload is none and payload > 3", false),
        ] {
            assert_eq!(holds(expression, &facts).unwrap(), want, "{expression}");
        }
        for expression in ["payload > 25", "none < 18", "25 <= payload", "n > '3'", "n < true", "nothing > 3"] {
            let error = holds(expression, &facts).unwrap_err();
            assert_eq!(error.kind(), Kind::BadData, "{expression}");
        }
        let error = holds("payload > 25", &facts).unwrap_err().full_message();
        assert!(error.contains("'3' > 25 compares a number with what is none: write `x|float`"), "{error}");
    }

    #[test]
    fn long_and_deep_conditions_are_judged_as_they_are_written() {
        let facts = json!({"n": 30, "a": [[1, 2], 3]});
        let of = |part: &str, joined: &str, times: usize| vec![part; times].join(joined);
        for (expression, want) in [
            (of("n > 25", " and ", 200), true),
            (of("n > 35 and n < 40", " or ", 120) + " or n == 30", true),
            (of("1", " + ", 400) + " > 399", true),
            (format!("{}n > 35", "not ".repeat(301)), true),
            (format!("{}n{} > 29", "(".repeat(70), ")".repeat(70)), true),
            (format!("{}n > 35{}", "not (".repeat(70), ")".repeat(70)), false),
            (format!("n{} > 29", "|int".repeat(300)), true),
            (format!("{}2 > 1", "1 if n == 3 else ".repeat(150)), true),
        ] {
            assert_eq!(holds(&expression, &facts).unwrap(), want, "{expression}");
        }
        let chains = (0..60).fold("n".to_string(), |inner, _| format!("(0 < {inner} < 99)"));
        for bad in [of("n > 1", " or ", 14_000), format!("{}n > 1", "-".repeat(90_000)), chains] {
            assert_eq!(holds(&bad, &facts).unwrap_err().kind(), Kind::BadData);
        }
    }

    #[test]
    fn what_is_written_anew_means_the_same() {
        let facts = json!({"a": 3, "b": -2, "c": [1, [4, 5]], "d": {"e": 7}, "f": 0.5});
        for (expression, want) in [
            ("1 < 2 and a - (b - 1) - 2 == 4", true),
            ("1 < 2 and a - b - 1 - 2 == 2", true),
            ("1 < 2 and 2 ** (3 ** 2) == 512", true),
            ("1 < 2 and 2 ** 3 ** 2 == 64", true),
            ("1 < 2 and -2 ** 2 == 4", true),
            ("1 < 2 and -(2 ** 2) == -4", true),
            ("1 < 2 and 7 - (2 + 3) == 2 and 8 / (2 * 2) == 2 and 8 / 2 * 2 == 8", true),
            ("1 < 2 and -b|int == 2 and -(b|int) == 2 and - -a == 3", true),
            ("1 < 2 and (1 == 1) == (2 == 2)", true),
            ("1 < 2 and not (a == 4) == true", true),
            ("1 < 2 and (not a == 4) == true", true),
            ("1 < 2 and (a > 2) == true", true),
            ("1 < 2 and (a or 0 > 1) and (b or c)", true),
            ("1 < 2 and (a == 4 or a == 3) and b == -2", true),
            ("1 < 2 or a == 4 and b == 9", true),
            ("(1 < 2 or a == 4) and b == 9", false),
            ("1 < 2 and c[1][0] == 4 and c[a - 2][-1:][0] == 5 and c[:1] == [1]", true),
            ("1 < 2 and (1).x is defined", false),
            ("1 < 2 and d.e is defined and d.x is not defined and not d.x is defined", true),
            ("1 < 2 and ({'k': a}).k == 3 and {'k': {'l': 1}}['k'].l == 1", true),
            ("1 < 2 and (a, b) == (3, -2) and (a,) != (4,) and () == ()", true),
            ("1 < 2 and a in [1, 2, 3] and b not in (1, 2) and a not in c", true),
            ("1 < 2 and 'a' ~ 1 * 2 == 'a2' and ('a' ~ 1) == 'a1'", true),
            ("(4 if a > 5 else 5 if a > 2 else 6) == 5", true),
            ("((4 if a > 5 else 5) if a > 2 else 6) == 5", true),
            ("1 < 2 and (d.x|default('n')|upper) == 'N' and 'x y'|replace(' ', '<')|length == 3", true),
            ("1 < a < 4 == true", false),
            ("1 < a <= 3 != 4 and 0 < f < 1", true),
            ("1 < 2 and 1.5 + f == 2 and 7 // 2 == 3 and 7 % 4 == 3", true),
            ("1 < 2 and 'ä\\'\\\\\u{1}<' == \"ä'\\\\\u{1}<\"", true),
        ] {
            assert_eq!(holds(expression, &facts).unwrap(), want, "{expression}: {}", with_calls(expression).unwrap());
        }
    }

    proptest! {
        #[test]
        fn what_is_written_anew_has_the_same_value(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "b", "c", "1", "2", "0.5", "'x'", " and ", " or ", "not ", "(", ")", "[0]", "[1:]", "|int", "|default(1)",
                    " == ", " != ", " in ", " not in ", " is defined", " is not none", " if ", " else ", "-", " + ", " // ",
                    " ** ", " % ", " ~ ", "[1, 2]", "(1, 2)", "none", "{'k': 1}", ".k",
                ]),
                1..12,
            ),
        ) {
            let (environment, expression) = (super::super::environment(), parts.concat());
            let facts = super::super::value_of(&json!({"a": 3, "b": [1, "x"], "c": {"k": -2}}));
            let Ok(plain) = environment.compile_expression(&expression) else { return Ok(()) };
            // A name that is a word of the language stands for itself here and there.
            prop_assume!(plain.undeclared_variables(false).iter().all(|name| ["a", "b", "c"].contains(&&**name)));
            let mut written = String::new();
            write(&mut written, &parse_expr(&expression).unwrap());
            let Ok(anew) = environment.compile_expression(&written) else {
                // Where nothing else can stand `not` is a name, which is none of the facts.
                prop_assert!(expression.contains("not"), "{expression} became {written}");
                return Ok(());
            };
            let (plain, anew) = (plain.eval(&facts).ok(), anew.eval(&facts).ok());
            prop_assert_eq!(format!("{plain:?}"), format!("{anew:?}"), "{} became {}", expression, written);
        }

        #[test]
        fn what_is_written_anew_is_read_as_well(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "a", "b.c", "1", "2.5", "'x<y'", " < ", " >= ", " and ", " or ", "(not a)", "(", ")", "[0]", "|int", " == ",
                    " in ", " is defined", " if ", " else ", "-", " + ", "[1, 2]", "none", "f(a, k=1)",
                ]),
                0..14,
            ),
        ) {
            let (environment, expression) = (super::super::environment(), parts.concat());
            if environment.compile_expression(&expression).is_ok() {
                let written = with_calls(&expression).unwrap();
                prop_assert!(environment.compile_expression(&written).is_ok(), "{expression} became {written}");
            }
        }
    }
}
