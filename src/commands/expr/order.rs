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
    Ok(Cow::Owned(out))
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

/// Writes an expression with everything in brackets that may need them.
fn write(out: &mut String, expr: &Expr<'_>) {
    match expr {
        Expr::Var(var) => out.push_str(var.id),
        Expr::Const(constant) => constant_as_written(out, &constant.value),
        Expr::UnaryOp(op) => {
            let sign = match op.op {
                UnaryOpKind::Not => "not ",
                UnaryOpKind::Neg => "-",
            };
            wrap(out, |out| {
                out.push_str(sign);
                write(out, &op.expr);
            });
        }
        Expr::BinOp(op) => binary(out, op.op, &op.left, &op.right),
        Expr::Compare(chain) => wrap(out, |out| {
            let mut left = &chain.expr;
            for (at, op) in chain.ops.iter().enumerate() {
                if at > 0 {
                    out.push_str(" and ");
                }
                comparison(out, op.op, left, &op.expr);
                left = &op.expr;
            }
        }),
        Expr::IfExpr(choice) => wrap(out, |out| {
            write(out, &choice.true_expr);
            out.push_str(" if ");
            write(out, &choice.test_expr);
            if let Some(other) = &choice.false_expr {
                out.push_str(" else ");
                write(out, other);
            }
        }),
        Expr::Filter(filter) => wrap(out, |out| {
            filter.expr.iter().for_each(|expr| write(out, expr));
            let _ = write!(out, "|{}", filter.name);
            arguments(out, &filter.args);
        }),
        Expr::Test(test) => wrap(out, |out| {
            write(out, &test.expr);
            let _ = write!(out, " is {}", test.name);
            if !test.args.is_empty() {
                arguments(out, &test.args);
            }
        }),
        Expr::GetAttr(attr) => {
            write(out, &attr.expr);
            let _ = write!(out, ".{}", attr.name);
        }
        Expr::GetItem(item) => {
            write(out, &item.expr);
            out.push('[');
            write(out, &item.subscript_expr);
            out.push(']');
        }
        Expr::Slice(slice) => {
            write(out, &slice.expr);
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
            write(out, &call.expr);
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
    let sign = match op {
        BinOpKind::Lt => return call(out, LESS, left, right),
        BinOpKind::Lte => return call(out, LESS_OR_SAME, left, right),
        BinOpKind::Gt => return call(out, MORE, left, right),
        BinOpKind::Gte => return call(out, MORE_OR_SAME, left, right),
        BinOpKind::Eq => "==",
        BinOpKind::Ne => "!=",
        BinOpKind::ScAnd => "and",
        BinOpKind::ScOr => "or",
        BinOpKind::Add => "+",
        BinOpKind::Sub => "-",
        BinOpKind::Mul => "*",
        BinOpKind::Div => "/",
        BinOpKind::FloorDiv => "//",
        BinOpKind::Rem => "%",
        BinOpKind::Pow => "**",
        BinOpKind::Concat => "~",
        BinOpKind::In => "in",
    };
    between(out, sign, left, right);
}

fn comparison(out: &mut String, op: CompareOpKind, left: &Expr<'_>, right: &Expr<'_>) {
    match op {
        CompareOpKind::Lt => call(out, LESS, left, right),
        CompareOpKind::Lte => call(out, LESS_OR_SAME, left, right),
        CompareOpKind::Gt => call(out, MORE, left, right),
        CompareOpKind::Gte => call(out, MORE_OR_SAME, left, right),
        CompareOpKind::Eq => between(out, "==", left, right),
        CompareOpKind::Ne => between(out, "!=", left, right),
        CompareOpKind::In => between(out, "in", left, right),
        CompareOpKind::NotIn => between(out, "not in", left, right),
    }
}

fn call(out: &mut String, name: &str, left: &Expr<'_>, right: &Expr<'_>) {
    let _ = write!(out, "{name}(");
    write(out, left);
    out.push_str(", ");
    write(out, right);
    out.push(')');
}

fn between(out: &mut String, sign: &str, left: &Expr<'_>, right: &Expr<'_>) {
    wrap(out, |out| {
        write(out, left);
        let _ = write!(out, " {sign} ");
        write(out, right);
    });
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

    proptest! {
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
