//! How much somebody may ask for: windows that slide, by address for those who do not say who they are, by user, and by
//! the bucket of a route; stricter where passwords are tried.
//!
//! What was counted stands in the store, so that several processes agree. It knows nothing of what is asked for.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::access::caller::{Caller, How};
use super::problem::Problem;
use super::route::Bucket;
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::config::Config;
use crate::store::traffic::Traffic;

/// The bucket of routes that try passwords: by address, and by the minute.
pub const AUTH: &str = "auth";
/// The bucket of routes that are asked all the time by those who watch: never limited.
pub const FREE: &str = "free";
/// The same for what costs something: counted by address, apart from everything else.
pub const PROBE: &str = "probe";

/// The window of [`AUTH`], microseconds.
const MINUTE: i64 = 60_000_000;
/// From so many on, a process takes several at a time, so that not each request waits for the store.
const MANY: u32 = 10_000;
/// It takes this part of them.
const PART: u32 = 1000;
/// A window is counted in so many parts; what was taken is good within one.
const SLOTS: i64 = 60;

/// How much somebody may ask for, by the settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// The window, microseconds.
    pub window_us: i64,
    /// Requests of an address from which nobody says who they are; 0 for no limit, as below.
    pub anonymous: u32,
    /// Requests of a user.
    pub user: u32,
    /// Tries of a password from an address in a minute.
    pub auth: u32,
    /// Requests of a user of a tier.
    pub tiers: BTreeMap<String, u32>,
}

impl Rules {
    /// Those of the settings.
    pub fn of(config: &Config) -> Rules {
        let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let tiers = config.numbers("limits").into_iter().map(|(tier, most)| (tier, number(most)));
        let window = config.duration("serve.limit_window").map_or(900, |window| window.as_secs().max(1));
        Rules {
            window_us: i64::try_from(window).unwrap_or(900).saturating_mul(1_000_000),
            anonymous: number(config.int("serve.limit_anonymous")),
            user: number(config.int("serve.limit_user")),
            auth: number(config.int("serve.limit_auth")),
            tiers: tiers.collect(),
        }
    }
}

/// What was taken of a window and not used yet.
#[derive(Clone, Copy, Debug)]
struct Taken {
    unused: u32,
    left: u32,
    until: i64,
}

/// Counts.
pub struct Limits {
    traffic: Arc<Traffic>,
    clock: Clock,
    rules: RwLock<Arc<Rules>>,
    ahead: Mutex<HashMap<(&'static str, String), Taken>>,
}

/// What is left of the narrowest limit that a request was held against.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// The limit; 0 where there is none.
    pub most: u32,
    /// So many more.
    pub left: u32,
    /// After so many seconds there is more.
    pub reset_s: u64,
}

impl Left {
    /// Tells it to whoever asked.
    pub fn tell(&self, headers: &mut HeaderMap) {
        if self.most == 0 {
            return;
        }
        let all = [
            ("ratelimit-limit", self.most.into()),
            ("ratelimit-remaining", self.left.into()),
            ("ratelimit-reset", self.reset_s),
        ];
        for (name, value) in all {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }

    fn narrower(self, other: Left) -> Left {
        if self.most == 0 || (other.most > 0 && other.left < self.left) { other } else { self }
    }
}

impl Limits {
    /// Counts in `traffic`.
    pub fn new(traffic: Arc<Traffic>, clock: Clock, rules: Rules) -> Limits {
        Limits { traffic, clock, rules: RwLock::new(Arc::new(rules)), ahead: Mutex::default() }
    }

    /// Other rules from now on.
    pub fn renew(&self, rules: Rules) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Counts a request of `caller`, or of nobody from `address`.
    ///
    /// # Errors
    /// 429 with the seconds to wait, when it is one too many.
    pub fn admit(&self, caller: Option<&Caller>, address: IpAddr, bucket: Option<Bucket>) -> Result<Left, Problem> {
        if bucket.is_some_and(|bucket| bucket.name == FREE) || caller.is_some_and(|caller| caller.how == How::Local) {
            return Ok(Left::default());
        }
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner).clone();
        let place = of_address(address);
        if let Some(bucket) = bucket.filter(|bucket| bucket.name == PROBE) {
            return self.take(PROBE, place, bucket.most, rules.window_us);
        }
        let mut left = match caller {
            None => self.take("address", place.clone(), rules.anonymous, rules.window_us)?,
            Some(caller) => {
                let tier = caller.tier.as_ref().and_then(|tier| rules.tiers.get(tier));
                let most = tier.copied().unwrap_or(rules.user);
                self.take("user", caller.user.to_string(), most, rules.window_us)?
            }
        };
        if let Some(bucket) = bucket {
            let own = match (bucket.name, caller) {
                (AUTH, _) => self.take(AUTH, place, rules.auth, MINUTE)?,
                (name, Some(caller)) => self.take(name, caller.user.to_string(), bucket.most, rules.window_us)?,
                (name, None) => self.take(name, place, bucket.most, rules.window_us)?,
            };
            left = left.narrower(own);
        }
        Ok(left)
    }

    /// Whether somebody who did not say who they are may still ask from `address`; nothing is counted.
    ///
    /// # Errors
    /// 429 with the seconds to wait, when not.
    pub fn is_open(&self, address: IpAddr) -> Result<(), Problem> {
        let rules = self.rules.read().unwrap_or_else(PoisonError::into_inner).clone();
        if rules.anonymous == 0 {
            return Ok(());
        }
        let (bucket, window) = ("address", (rules.anonymous, rules.window_us));
        let taken = self.traffic.take(bucket, &of_address(address), window, 0, self.clock.now())?;
        answer(bucket, rules.anonymous, taken.left, taken.left, taken.wait_us).map(drop)
    }

    fn take(&self, bucket: &'static str, who: String, most: u32, length_us: i64) -> Result<Left, Problem> {
        if most == 0 {
            return Ok(Left::default());
        }
        let now = self.clock.now();
        if most < MANY {
            let taken = self.traffic.take(bucket, &who, (most, length_us), 1, now)?;
            return answer(bucket, most, taken.granted, taken.left, taken.wait_us);
        }
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (bucket, who);
        if let Some(taken) = ahead.get_mut(&key).filter(|taken| taken.unused > 0 && now.as_micros() < taken.until) {
            taken.unused -= 1;
            return answer(bucket, most, 1, taken.left.saturating_add(taken.unused), length_us);
        }
        let taken = self.traffic.take(bucket, &key.1, (most, length_us), most / PART, now)?;
        let unused = taken.granted.saturating_sub(1);
        if ahead.len() > 10_000 {
            ahead.clear();
        }
        ahead.insert(key, Taken { unused, left: taken.left, until: end_of_slot(now, length_us) });
        answer(bucket, most, taken.granted, taken.left.saturating_add(unused), taken.wait_us)
    }
}

fn answer(bucket: &str, most: u32, granted: u32, left: u32, wait_us: i64) -> Result<Left, Problem> {
    let reset_s = u64::try_from(wait_us).unwrap_or(0).div_ceil(1_000_000);
    if granted > 0 {
        return Ok(Left { most, left, reset_s });
    }
    let said = match bucket {
        "address" => format!("more than {most} requests from this address did not say who asks"),
        "user" => format!("this user asked more than {most} times"),
        AUTH => format!("a password was tried more than {most} times in a minute from this address"),
        other => format!("this user asked for {other} more than {most} times"),
    };
    Err(Problem::limited(said, reset_s).hint("wait as long as Retry-After says"))
}

/// The end of the part of the window in which `now` is counted.
fn end_of_slot(now: Timestamp, length_us: i64) -> i64 {
    let slot = (length_us / SLOTS + i64::from(length_us % SLOTS != 0)).max(1);
    (now.as_micros().div_euclid(slot) + 1) * slot
}

/// What is one address to us: of IPv6, all of a network of 64 bits, which one household has.
pub fn of_address(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{}/64", Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::caller::tests::somebody;
    use super::super::access::permission::Role;
    use super::*;

    fn limits(rules: Rules) -> (tempfile::TempDir, Limits) {
        let root = tempfile::tempdir().unwrap();
        let traffic = Arc::new(Traffic::open(root.path()).unwrap());
        let clock = Clock::fixed(Timestamp::from_micros(1_800_000_000_000_000));
        (root, Limits::new(traffic, clock, rules))
    }

    fn rules() -> Rules {
        Rules { window_us: 900_000_000, anonymous: 3, user: 5, auth: 2, tiers: [("gold".to_string(), 7)].into() }
    }

    fn passed(limits: &Limits, caller: Option<&Caller>, address: &str, bucket: Option<Bucket>) -> usize {
        (0..50).filter(|_| limits.admit(caller, address.parse().unwrap(), bucket).is_ok()).count()
    }

    #[test]
    fn nobody_is_counted_by_address_and_somebody_by_name() {
        let (_root, limits) = limits(rules());
        let member = somebody(Role::Member);
        let gold =
            Caller { tier: Some("gold".into()), user: crate::kernel::ids::Id::from_bytes([7; 16]), ..member.clone() };
        assert_eq!(passed(&limits, None, "10.0.0.1", None), 3);
        assert_eq!(passed(&limits, Some(&member), "10.0.0.1", None), 5);
        assert_eq!(passed(&limits, Some(&gold), "10.0.0.1", None), 7);
        assert_eq!(passed(&limits, Some(&member), "10.0.0.2", None), 0);
        assert_eq!(passed(&limits, None, "2001:db8::1", None), 3);
        assert_eq!(passed(&limits, None, "2001:db8::ffff:2", None), 0);
        assert_eq!(passed(&limits, None, "2001:db8:0:1::1", None), 3);
        assert_eq!(passed(&limits, None, "::ffff:10.0.0.1", None), 0);
    }

    #[test]
    fn a_bucket_is_counted_beside_and_says_when_to_come_again() {
        let (_root, limits) = limits(Rules { user: 100, ..rules() });
        let member = somebody(Role::Member);
        let chain = Some(Bucket { name: "chain", most: 2 });
        assert_eq!(passed(&limits, Some(&member), "10.0.0.1", chain), 2);
        let problem = limits.admit(Some(&member), "10.0.0.1".parse().unwrap(), chain).unwrap_err();
        assert_eq!((problem.status, problem.kind), (429, "limited"));
        assert!(problem.retry_after.is_some_and(|wait| (885..=915).contains(&wait)), "{:?}", problem.retry_after);
        let left = limits.admit(Some(&member), "10.0.0.1".parse().unwrap(), None).unwrap();
        assert_eq!((left.most, left.left), (100, 100 - 50 - 1 - 1));
    }

    #[test]
    fn passwords_are_limited_by_the_minute_and_who_watches_never() {
        let (_root, limits) = limits(Rules { anonymous: 0, ..rules() });
        assert_eq!(passed(&limits, None, "10.0.0.1", Some(Bucket { name: AUTH, most: 0 })), 2);
        assert_eq!(passed(&limits, None, "10.0.0.1", Some(Bucket { name: FREE, most: 0 })), 50);
        assert_eq!(passed(&limits, None, "10.0.0.1", None), 50);
        let local = Caller::local(somebody(Role::Owner).trace);
        assert_eq!(passed(&limits, Some(&local), "127.0.0.1", None), 50);
    }

    #[test]
    fn many_are_taken_ahead_and_still_counted_together() {
        let (_root, limits) = limits(Rules { user: 10_000, ..rules() });
        let member = somebody(Role::Member);
        let address = "10.0.0.1".parse().unwrap();
        let passed = (0..10_100).filter(|_| limits.admit(Some(&member), address, None).is_ok()).count();
        assert_eq!(passed, 10_000);
    }
}
