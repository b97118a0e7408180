//! `fac top`: what a machine, or a server somewhere, does now.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::Context;
use super::keys::Keys;
use super::table::Table;
use super::ui::Role;
use crate::app::runtime::patient;
use crate::exec::signals::StopOnSignals;
use crate::kernel::duration::{human_ms, parse_ms};
use crate::kernel::error::{Context as _, Error, Kind, Result};
use crate::kernel::figures;
use crate::kernel::http::{HeaderMap, Http, is_safe};
use crate::kernel::secret::Secret;
use crate::kernel::secrets::Secrets;
use crate::serve::metrics::read::{Line, Reading, sparkline};

const EXAMPLES: &str = "\
Examples:
  fac top                                  this machine, in the full screen
  fac top --url http://127.0.0.1:4000      a server: requests, latencies, jobs, providers
  fac top --url https://fac.example.org --secret fac-key
  fac top --url http://127.0.0.1:4000 --once --json

A server on this machine needs no key; for others `--secret NAME` names one that
`fac secret set NAME` keeps, or FAC_KEY holds it.";

/// Empties the screen (ECMA-48, CUP and ED).
const CLEAR: &str = "\x1b[H\x1b[2J";
/// The largest answer, bytes.
const LARGEST: u64 = 16 << 20;
/// Figures of the line that shows how it went.
const SHOWN: usize = 40;
/// Lines of each table.
const LINES: usize = 8;

/// Watch what fac and its models take, live
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Watch this server
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The secret with the key for it
    #[arg(long, value_name = "NAME", requires = "url")]
    secret: Option<String>,
    /// How often it is looked at
    #[arg(long, value_name = "TIME", default_value = "2s")]
    every: String,
    /// Look twice, print once, and end
    #[arg(long, requires = "url")]
    once: bool,
}

pub(super) fn run(context: &mut Context, args: &Args) -> Result<u8> {
    let Some(url) = &args.url else { return super::tui::top(context) };
    let every = parse_ms(&args.every).filter(|ms| *ms >= 100).map(Duration::from_millis).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{}` is no length of time, or too short", args.every))
            .hint("write 2s or 500ms")
    })?;
    let watched = Watched::new(context, url, args.secret.as_deref())?;
    let signals = StopOnSignals::new()?;
    let runtime = patient()?;
    let read = || runtime.block_on(watched.read());
    let mut before = read()?;
    let mut rates = VecDeque::new();
    let draws = context.ui.stdout_terminal && !context.ui.json && !args.once;
    let keys = draws.then(Keys::new);
    let ends = context.ui.paint(Role::Dim, "q ends");
    let show = |view: &View, rates: &[f64]| {
        let shown = view.shown(context, url, rates);
        let all = if draws { format!("{CLEAR}{shown}\n{ends}") } else { shown };
        context.ui.write(all.as_bytes())
    };
    if draws {
        // What there is, until there is something to compare it with.
        show(&View::new(&before, &before, every), &[])?;
    }
    while !keys.as_ref().map_or_else(|| signals.stop().wait(every), |keys| keys.wait(every, signals.stop())) {
        let now = match read() {
            Ok(now) => now,
            // It may come back; what is watched for days must not end by that.
            Err(error) if draws => {
                context.ui.write(CLEAR.as_bytes())?;
                context.ui.failure(&error);
                continue;
            }
            Err(error) => return Err(error),
        };
        let view = View::new(&before, &now, every);
        rates.push_back(view.rate);
        if rates.len() > SHOWN {
            rates.pop_front();
        }
        if context.ui.json {
            context.ui.value(&view.json())?;
        } else {
            show(&view, rates.make_contiguous())?;
        }
        if args.once || context.ui.closed() {
            break;
        }
        before = now;
    }
    if draws {
        context.ui.write(b"\n")?;
    }
    runtime.shutdown_background();
    Ok(0)
}

/// Where figures come from.
struct Watched {
    http: Http,
    url: url::Url,
    key: Option<Secret>,
}

impl Watched {
    fn new(context: &Context, url: &str, secret: Option<&str>) -> Result<Watched> {
        let app = &context.app;
        let base = url::Url::parse(url).ok().filter(|url| url.has_host());
        let wrong = || Error::new(Kind::Usage, format!("`{url}` is no address")).hint("write http://127.0.0.1:4000");
        let url = base.and_then(|base| base.join("/metrics").ok()).ok_or_else(wrong)?;
        let key = match secret {
            Some(name) => {
                let found = Secrets::new(&app.env, &app.paths, &app.redactor).find(name)?;
                let missing = || Error::new(Kind::NotFound, format!("there is no secret `{name}`"));
                Some(found.ok_or_else(missing)?.0)
            }
            None => app.env.text("FAC_KEY").filter(|key| !key.is_empty()).map(Secret::new),
        };
        if key.is_some() && !is_safe(&url) {
            return Err(Error::new(Kind::Refused, "the key would go there in the clear").hint("write https://"));
        }
        Ok(Watched { http: app.remote()?.http, url, key })
    }

    async fn read(&self) -> Result<Reading> {
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key {
            let value = format!("Bearer {}", key.expose());
            let value = value.parse().context(Kind::Usage, || "the key cannot be sent".to_string())?;
            headers.insert("authorization", value);
        }
        let answer = self.http.get(&self.url, headers).await?;
        let status = answer.status();
        let body = answer.bytes(LARGEST).await?;
        match status {
            200 => Ok(Reading::parse(&String::from_utf8_lossy(&body))),
            401 | 403 => Err(Error::new(Kind::Refused, format!("{} does not show its figures to us", self.url))
                .hint("--secret NAME names a secret with a key that may system:read")),
            other => Err(Error::new(Kind::BadData, format!("{} answers with {other}", self.url))
                .hint("is that the address of a `fac serve`?")),
        }
    }
}

/// What is shown of two readings.
struct View {
    rate: f64,
    seconds: f64,
    facts: Vec<(&'static str, f64)>,
    jobs: Vec<(String, f64)>,
    routes: Vec<Line>,
    commands: Vec<Line>,
    providers: Vec<Line>,
}

impl View {
    fn new(before: &Reading, now: &Reading, every: Duration) -> View {
        let label = |labels: &BTreeMap<String, String>, name: &str| labels.get(name).cloned().unwrap_or_default();
        let uptime = now.sum("service_uptime") - before.sum("service_uptime");
        let seconds = if uptime > 0.0 { uptime } else { every.as_secs_f64() };
        let more = |name: &str| (now.sum(name) - before.sum(name)).max(0.0) / seconds;
        let routes = now.lines(
            before,
            "http_request_duration_seconds",
            &|labels| format!("{} {}", label(labels, "method"), label(labels, "route")),
            &|labels| label(labels, "status").starts_with('5'),
        );
        let not_ok = |labels: &BTreeMap<String, String>| label(labels, "status") != "ok";
        let commands =
            now.lines(before, "command_processing_duration_seconds", &|labels| label(labels, "command"), &not_ok);
        let of_provider =
            |labels: &BTreeMap<String, String>| format!("{}/{}", label(labels, "provider"), label(labels, "model"));
        let providers = now.lines(before, "provider_request_duration_seconds", &of_provider, &not_ok);
        let facts = vec![
            ("uptime_s", now.sum("service_uptime")),
            ("healthy", now.sum("system_health")),
            ("in_flight", now.sum("http_requests_in_flight")),
            ("memory_bytes", now.sum("process_resident_memory_bytes")),
            ("processors", more("process_cpu_seconds_total")),
            ("sockets", now.sum("websocket_connections")),
            ("subscriptions", now.sum("event_subscriptions")),
            ("events_per_s", more("events_total")),
            ("panics", now.sum("panics_total")),
        ];
        let rate = more("http_request_duration_seconds_count");
        View { rate, seconds, facts, jobs: now.by("jobs", "status"), routes, commands, providers }
    }

    fn fact(&self, name: &str) -> f64 {
        self.facts.iter().find(|fact| fact.0 == name).map_or(0.0, |fact| fact.1)
    }

    fn json(&self) -> Json {
        let line = |line: &Line| {
            let ms = |seconds: f64| (seconds * 1e6).round() / 1e3;
            json!({
                "name": line.name, "per_s": line.count / self.seconds, "failed": line.failed / line.count.max(1.0),
                "p50_ms": ms(line.p50), "p95_ms": ms(line.p95), "p99_ms": ms(line.p99),
            })
        };
        let all = |lines: &[Line]| lines.iter().map(line).collect::<Vec<_>>();
        let mut top = json!({"requests_per_s": self.rate});
        for (name, value) in &self.facts {
            top[*name] = json!(value);
        }
        top["jobs"] = self
            .jobs
            .iter()
            .map(|(status, count)| (status.clone(), json!(count)))
            .collect::<serde_json::Map<_, _>>()
            .into();
        top["routes"] = all(&self.routes).into();
        top["commands"] = all(&self.commands).into();
        top["providers"] = all(&self.providers).into();
        json!({"top": top})
    }

    fn shown(&self, context: &Context, url: &str, rates: &[f64]) -> String {
        let ui = &context.ui;
        let healthy = self.fact("healthy") > 0.0;
        let up = human_ms((self.fact("uptime_s") * 1000.0) as u64);
        let health = if healthy { ui.paint(Role::Good, "healthy") } else { ui.paint(Role::Bad, "not healthy") };
        let mut out = format!("{}  up {up}  {health}\n", ui.paint(Role::Name, url));
        out.push_str(&format!(
            "requests {:.1}/s {}  {:.0} in flight  events {:.1}/s\n",
            self.rate,
            sparkline(rates),
            self.fact("in_flight"),
            self.fact("events_per_s")
        ));
        out.push_str(&format!(
            "memory {}  processors {:.2}  sockets {:.0}  subscriptions {:.0}  panics {:.0}\n",
            figures::bytes(self.fact("memory_bytes") as u64),
            self.fact("processors"),
            self.fact("sockets"),
            self.fact("subscriptions"),
            self.fact("panics")
        ));
        let jobs: Vec<String> = self.jobs.iter().map(|(status, count)| format!("{count:.0} {status}")).collect();
        if !jobs.is_empty() {
            out.push_str(&format!("jobs {}\n", jobs.join(", ")));
        }
        for (title, lines) in [("route", &self.routes), ("command", &self.commands), ("provider", &self.providers)] {
            if lines.is_empty() {
                continue;
            }
            let mut table = Table::new(&[title, "a second", "p50", "p95", "p99", "failed"]);
            for line in lines.iter().take(LINES) {
                let failed = line.failed / line.count.max(1.0) * 100.0;
                let role = (failed >= 1.0).then_some(Role::Bad);
                table.row(vec![
                    (line.name.clone(), Some(Role::Name)),
                    (format!("{:.1}", line.count / self.seconds), None),
                    (time(line.p50), None),
                    (time(line.p95), None),
                    (time(line.p99), None),
                    (format!("{failed:.1} %"), role),
                ]);
            }
            out.push('\n');
            out.push_str(&table.render(ui));
        }
        out
    }
}

fn time(seconds: f64) -> String {
    if seconds < 1.0 { format!("{:.1} ms", seconds * 1000.0) } else { format!("{seconds:.2} s") }
}
