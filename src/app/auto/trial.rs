//! Trying an automation: what would happen, by the way that it would really happen, without doing it; and firing one by
//! hand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde_json::{Value as Json, json};

use super::carrier::{Carrier, Owed, plan};
use super::{App, Automation, myself, rule};
use crate::automations::happening::Happening;
use crate::automations::rules::{Act, Machine, Rule};
use crate::automations::trigger::{KINDS, Wanted};
use crate::automations::worker::{Carried, Hands, write_end};
use crate::automations::{fire_slot, keeper};
use crate::commands::catalog::{Resolved, Trust};
use crate::commands::model::Trigger;
use crate::commands::run::{self as engine, Dry};
use crate::exec::Stop;
use crate::kernel::clock::Timestamp;
use crate::kernel::error::{Error, Kind, Result};
use crate::kernel::ids::Id;
use crate::store::{Admission, Along, Enabled, FiringOutcome, Job, JobEnd, NewFiring, Store};

/// How often it is looked whether work is taken back.
const GLANCE: Duration = Duration::from_millis(100);

/// What is tried.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// What happens: the fields of a happening.
    pub data: Option<Json>,
    /// When.
    pub at: Option<Timestamp>,
}

/// What a trigger would lead to.
#[derive(Clone, Debug)]
pub struct Tried {
    /// The trigger.
    pub trigger: Trigger,
    /// What would come of it; `None` when it does not fit.
    pub outcome: Option<FiringOutcome>,
    /// Why it would not fire, or when it would.
    pub why: Option<String>,
    /// What it would be fired by.
    pub data: Json,
    /// What its condition looked at.
    pub seen: Vec<(String, Json)>,
    /// What its steps would do.
    pub steps: Vec<Dry>,
}

impl App {
    /// What would happen, trigger by trigger.
    ///
    /// # Errors
    /// `Usage` when it is not said what happens, and those of a dry run.
    pub fn try_automation(&self, one: &Automation, trial: &Trial) -> Result<Vec<Tried>> {
        let resolved = found(one)?;
        let rule = self.rule_of(one, resolved)?;
        let now = trial.at.unwrap_or_else(|| self.clock.now());
        let kind = trial.data.as_ref().and_then(|data| data["kind"].as_str());
        let mut all = Vec::new();
        for (nr, (trigger, wanted, _)) in rule.triggers.iter().enumerate() {
            if kind.is_some_and(|kind| kind != trigger.kind) {
                continue;
            }
            all.push(match (wanted, &trial.data) {
                (Wanted::Schedule(schedule), None) => {
                    let slot = schedule.next_after(now.plus_micros(-1_000_000));
                    let (why, slot) = match slot {
                        Some(slot) if trial.at.is_none() || slot.since(now) < 60_000_000 => (None, slot),
                        Some(slot) => (
                            Some(format!("its next time after that is {} {}", slot.local_slot(), slot.local_zone())),
                            slot,
                        ),
                        None => (Some(schedule.lacks().unwrap_or("it has no time after that").to_string()), now),
                    };
                    let firing = fire_slot(&rule, nr as u32, slot, slot.max(now));
                    match why {
                        Some(why) => unfit(trigger, why, firing.work["fired"].clone()),
                        None => self.weigh(&rule, resolved, trigger, firing, slot.max(now), None)?,
                    }
                }
                (Wanted::Startup(_), None) => {
                    self.hear(&rule, resolved, nr, json!({"kind": "startup", "at": now}), now)?
                }
                (_, None) => {
                    unfit(trigger, format!("--with says what happens, such as {}", example(&trigger.kind)), json!({}))
                }
                (_, Some(data)) => self.hear(&rule, resolved, nr, data.clone(), now)?,
            });
        }
        if all.is_empty() {
            let kinds: Vec<&str> = rule.triggers.iter().map(|(trigger, ..)| trigger.kind.as_str()).collect();
            let said = format!("`{}` waits for {}, not for {}", one.name(), kinds.join(", "), kind.unwrap_or("this"));
            return Err(Error::new(Kind::Usage, said));
        }
        Ok(all)
    }

    /// Fires an automation now, whatever its triggers and its condition say, and does its work here.
    ///
    /// # Errors
    /// `Refused` when it is not trusted, and those of the store.
    pub fn fire_by_hand(&self, one: &Automation, data: Option<Json>, stop: &Stop) -> Result<(Job, Carried)> {
        let resolved = found(one)?;
        if resolved.trust != Trust::Trusted {
            return Err(resolved.refusal());
        }
        let rule = self.rule_of(one, resolved)?;
        let data = completed(data.unwrap_or_else(|| json!({})), "manual", self.clock.now());
        let firing = NewFiring { lane: None, most: 1, ..rule.firing("manual", 0, data, None, 0) };
        let (store, me) = (self.store()?, myself());
        let fired = store.fire(&[firing], &[], &me, &Along::default(), &mut |_, _, _| Admission::Begin)?;
        let job = fired.into_iter().find_map(|fired| fired.job);
        let job = job.ok_or_else(|| Error::new(Kind::Failed, "nothing was fired"))?;
        let carried = carried_by_hand(store, &job, stop, || Ok(Carrier::new(self.another()?)))?;
        let end = match &carried.error {
            _ if carried.stopped => JobEnd::Cancelled { why: "it was stopped by hand".into() },
            None => JobEnd::Done,
            Some(error) => JobEnd::Failed { error: error.clone(), again: None },
        };
        write_end(store, &job, &carried, &end)?;
        store.wait_for_disk()?;
        Ok((store.job(&job.id.to_string())?, carried))
    }

    /// A rule as it would be if it were enabled here and now.
    fn rule_of(&self, one: &Automation, resolved: &Resolved) -> Result<Rule> {
        let enabled = Enabled {
            key: one.key.clone(),
            digest: resolved.digest.clone(),
            cwd: one.enabled.as_ref().map_or_else(|| self.cwd.display().to_string(), |enabled| enabled.cwd.clone()),
            at: Timestamp::from_micros(Timestamp::MIN),
            stopped: None,
        };
        Ok(rule(&resolved.command, &enabled, one.name(), &self.here()?))
    }

    /// What one trigger would make of a happening.
    fn hear(&self, rule: &Rule, resolved: &Resolved, nr: usize, data: Json, now: Timestamp) -> Result<Tried> {
        let (trigger, wanted, _) = &rule.triggers[nr];
        let data = completed(data, &trigger.kind, now);
        let Some(kind) = KINDS.into_iter().find(|kind| *kind == trigger.kind) else {
            return Ok(unfit(trigger, "nothing tells of this kind".into(), data));
        };
        let mut machine = Machine::default();
        // Only this trigger is asked.
        let mut alone = rule.clone();
        alone.triggers = vec![rule.triggers[nr].clone()];
        machine.set_rules(vec![alone]);
        let happening = Happening { kind, data: data.clone(), at: now, key: None, depth: 0, kept: None };
        match machine.hear(&happening).pop() {
            Some(Act::Fire(_, firing)) => {
                let firing = NewFiring { nr: nr as u32, ..*firing };
                self.weigh(rule, resolved, trigger, firing, now, None)
            }
            Some(Act::Hold(hold)) => {
                let why = format!("it waits ({}) until {}", hold.why, hold.due);
                let fires = machine.due(hold.due).into_iter().find_map(|act| match act {
                    Act::Fire(_, firing) => Some(NewFiring { nr: nr as u32, ..*firing }),
                    _ => None,
                });
                match fires {
                    Some(firing) => self.weigh(rule, resolved, trigger, firing, hold.due, Some(why)),
                    None => Ok(unfit(trigger, why, data)),
                }
            }
            _ => {
                let why = match wanted {
                    Wanted::Mqtt(mqtt) if !mqtt.concerns(&data) => {
                        "this waits for another topic, or for no retained message"
                    }
                    Wanted::Mqtt(_) => "the message is not what payload=, path= and value= ask for",
                    _ => "it is not what this waits for",
                };
                Ok(unfit(trigger, why.into(), data))
            }
        }
    }

    /// Whether a firing would be let through, and what its work would do.
    fn weigh(
        &self,
        rule: &Rule,
        resolved: &Resolved,
        trigger: &Trigger,
        mut firing: NewFiring,
        now: Timestamp,
        waits: Option<String>,
    ) -> Result<Tried> {
        let store = self.store()?;
        let against = match &rule.condition {
            Some(condition) => {
                let states = self.home_states();
                let zone = self.here()?.zone.unwrap_or_else(TimeZone::system);
                keeper::judge(store, &*states, &zone, condition, &mut firing, now)?
            }
            None => None,
        };
        let limits = rule.triggers.iter().filter_map(|(_, _, timing)| timing.limit).map(|(_, ms)| ms);
        let longest = i64::try_from(limits.max().unwrap_or(0).saturating_mul(1000)).unwrap_or(i64::MAX);
        let lately = store.fired_since(now.plus_micros(-longest.max(86_400_000_000)))?;
        let mut machine = Machine::new(self.bounds()?, Vec::new(), &lately);
        machine.set_rules(vec![rule.clone()]);
        let open = store.open_jobs_of(&rule.key)?;
        let admission = machine.admit(&firing, against.as_deref(), Id::floor(now), &open, now, true);
        let data = firing.work["fired"].clone();
        let tried = |outcome, why, steps| Tried {
            trigger: trigger.clone(),
            outcome: Some(outcome),
            why,
            data: data.clone(),
            seen: firing.seen.clone(),
            steps,
        };
        if let Admission::No { outcome, why, .. } = admission {
            return Ok(tried(outcome, Some(why), Vec::new()));
        }
        Ok(tried(FiringOutcome::Fired, waits, self.dry(resolved, &firing)?))
    }

    fn dry(&self, resolved: &Resolved, firing: &NewFiring) -> Result<Vec<Dry>> {
        let mut launcher = self.launcher()?.clone();
        launcher.cwd = firing.work["cwd"].as_str().unwrap_or_default().into();
        let catalog = launcher.catalog();
        let plan = plan(&catalog, resolved.clone(), &Owed::by(firing))?;
        let mut run = launcher.engine(&catalog, Stop::new()?, false, "test");
        run.fired = Some(firing.work["fired"].clone());
        engine::dry_run(&run, &plan)
    }
}

/// What was written down of a happening, with what its source would add.
fn completed(mut data: Json, kind: &str, now: Timestamp) -> Json {
    let Some(fields) = data.as_object_mut() else { return data };
    let kind = fields.entry("kind").or_insert_with(|| json!(kind)).as_str().unwrap_or_default().to_string();
    fields.entry("at").or_insert_with(|| json!(now));
    // A message is a text, also where its file has it as what it says.
    if let Some(payload) = fields.get_mut("payload").filter(|payload| kind == "mqtt" && !payload.is_string()) {
        *payload = json!(payload.to_string());
    }
    let text = fields.get("payload").or_else(|| fields.get("body")).and_then(Json::as_str);
    if let Some(read) =
        text.filter(|_| !fields.contains_key("json")).and_then(|text| serde_json::from_str::<Json>(text).ok())
    {
        fields.insert("json".to_string(), read);
    }
    data
}

fn found(one: &Automation) -> Result<&Resolved> {
    one.resolved
        .as_ref()
        .ok_or_else(|| Error::new(Kind::NotFound, format!("the definition of `{}` is not there any more", one.name())))
}

fn unfit(trigger: &Trigger, why: String, data: Json) -> Tried {
    Tried { trigger: trigger.clone(), outcome: None, why: Some(why), data, seen: Vec::new(), steps: Vec::new() }
}

/// What could be written into the file that `--with` names.
fn example(kind: &str) -> &'static str {
    match kind {
        "mqtt" => r#"{"kind": "mqtt", "topic": "home/door", "payload": "open"}"#,
        "homeassistant" => r#"{"kind": "homeassistant", "entity": "light.kitchen", "from": "off", "to": "on"}"#,
        "file" => r#"{"kind": "file", "path": "/home/me/notes/a.md", "change": "changed"}"#,
        "event" => r#"{"kind": "event", "name": "run.finished", "subject": "…", "payload": {}}"#,
        "voice" => r#"{"kind": "voice", "text": "lights on"}"#,
        _ => r#"{"kind": "webhook", "json": {}}"#,
    }
}

/// Does a job, and ends it where somebody takes it back meanwhile.
fn carried_by_hand(
    store: &Store,
    job: &Job,
    stop: &Stop,
    carrier: impl FnOnce() -> Result<Carrier>,
) -> Result<Carried> {
    let (mut carrier, over) = (carrier()?, AtomicBool::new(false));
    Ok(std::thread::scope(|scope| {
        let (store, over) = (store.clone(), &over);
        scope.spawn(move || {
            while !over.load(Ordering::SeqCst) && !stop.is_requested() {
                if store.jobs_to_stop(&myself()).is_ok_and(|ids| ids.contains(&job.id)) {
                    stop.request();
                }
                std::thread::sleep(GLANCE);
            }
        });
        let _over = Over(over);
        carrier.carry_out(job, None, stop)
    }))
}

/// Says when it is dropped that it is over, also where that is by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
