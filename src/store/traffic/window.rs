//! A window that slides: so many in any length of time, never more, whatever the moments.
//!
//! Time is cut into slots, and what was let through is counted by slot; something passes while all slots that the window
//! touches hold less than the limit. The slot that the window touches only with its end counts whole, so the limit is
//! never passed, and somebody waits a sixtieth of the window longer at most than a list of all moments would say.
//! It knows no clock and no database.

/// Slots of a window.
const SLOTS: i64 = 60;
/// Bytes of a slot: its number, and how many it let through.
const BYTES: usize = 12;

/// What came of asking to pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// So many may pass now: as many as were asked for, or what was left.
    pub granted: u32,
    /// So many more may pass now.
    pub left: u32,
    /// When the next may pass, where none may pass now, or else when the first of those counted is counted no more;
    /// microseconds from now.
    pub wait_us: i64,
}

/// What a window counted, the oldest slot first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    slots: Vec<(i64, u32)>,
}

impl Window {
    /// As it was kept; what makes no sense is as if nothing had been counted.
    pub fn from_bytes(bytes: &[u8]) -> Window {
        let slots = bytes.chunks_exact(BYTES).filter_map(|chunk| {
            let (slot, count) = chunk.split_at(8);
            Some((i64::from_le_bytes(slot.try_into().ok()?), u32::from_le_bytes(count.try_into().ok()?)))
        });
        let mut slots: Vec<(i64, u32)> = slots.take(2 * SLOTS as usize).collect();
        slots.sort_unstable();
        Window { slots }
    }

    /// As it is kept.
    pub fn to_bytes(&self) -> Vec<u8> {
        let slot = |(slot, count): &(i64, u32)| slot.to_le_bytes().into_iter().chain(count.to_le_bytes());
        self.slots.iter().flat_map(slot).collect()
    }

    /// Asks whether `wanted` may pass at `now`, where `most` may in any `length` (microseconds, like `now`), and counts
    /// those that may.
    pub fn take(&mut self, now: i64, length: i64, most: u32, wanted: u32) -> Taken {
        let slot_us = (length / SLOTS + i64::from(length % SLOTS != 0)).max(1);
        let current = now.div_euclid(slot_us);
        self.slots.retain(|(slot, _)| *slot >= current - SLOTS);
        // What a clock that went back counted later than now is counted now.
        let later: u32 =
            self.slots.iter().filter(|(slot, _)| *slot > current).fold(0, |sum, (_, n)| sum.saturating_add(*n));
        self.slots.retain(|(slot, _)| *slot <= current);
        self.count(current, later);
        let before = self.slots.iter().fold(0u32, |sum, (_, count)| sum.saturating_add(*count));
        let granted = wanted.min(most.saturating_sub(before));
        self.count(current, granted);
        let sum = before.saturating_add(granted);
        Taken { granted, left: most.saturating_sub(sum), wait_us: self.wait(now, slot_us, sum, most) }
    }

    fn count(&mut self, slot: i64, more: u32) {
        match self.slots.last_mut() {
            _ if more == 0 => {}
            Some((last, count)) if *last == slot => *count = count.saturating_add(more),
            _ => self.slots.push((slot, more)),
        }
    }

    /// How long until fewer than `most` are counted, or until the oldest is counted no more.
    fn wait(&self, now: i64, slot_us: i64, sum: u32, most: u32) -> i64 {
        let mut left = sum;
        for (slot, count) in &self.slots {
            left = left.saturating_sub(*count);
            if left < most {
                return ((slot + SLOTS + 1) * slot_us - now).max(0);
            }
        }
        // Nothing ever passes where nothing may.
        slot_us.saturating_mul(SLOTS)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000_000;

    #[test]
    fn a_hundred_pass_then_none_until_the_window_went_by() {
        let mut window = Window::default();
        let length = 15 * MINUTE;
        for n in 0..100 {
            assert_eq!(window.take(1_000 + n, length, 100, 1).granted, 1);
        }
        let refused = window.take(2_000, length, 100, 1);
        assert_eq!((refused.granted, refused.left), (0, 0));
        assert!(refused.wait_us > 15 * MINUTE - 2_000 && refused.wait_us <= 15 * MINUTE + MINUTE / 4);
        assert_eq!(window.take(2_000 + refused.wait_us - 1, length, 100, 1).granted, 0);
        assert_eq!(window.take(2_000 + refused.wait_us, length, 100, 1).granted, 1);
    }

    #[test]
    fn not_even_at_the_turn_of_a_fixed_window_do_more_pass() {
        let mut window = Window::default();
        let length = 15 * MINUTE;
        let early = (0..100).map(|_| window.take(15 * MINUTE - 1_000_000, length, 100, 1).granted).sum::<u32>();
        let late = (0..100).map(|_| window.take(15 * MINUTE + 1_000_000, length, 100, 1).granted).sum::<u32>();
        assert_eq!((early, late), (100, 0));
    }

    #[test]
    fn a_limit_of_none_lets_nothing_pass_and_a_part_is_granted_of_much() {
        let mut window = Window::default();
        assert_eq!(window.take(0, MINUTE, 0, 1).granted, 0);
        assert_eq!(window.take(0, MINUTE, 5, 8), Taken { granted: 5, left: 0, wait_us: MINUTE + MINUTE / 60 });
    }

    #[test]
    fn a_clock_that_goes_back_lets_no_more_pass() {
        let mut window = Window::default();
        assert_eq!(window.take(100 * MINUTE, MINUTE, 3, 3).granted, 3);
        assert_eq!(window.take(99 * MINUTE + 30_000_000, MINUTE, 3, 1).granted, 0);
        assert_eq!(window.take(101 * MINUTE, MINUTE, 3, 1).granted, 1);
    }

    proptest! {
        /// Held against a list of all moments.
        #[test]
        fn in_no_window_do_more_pass_and_nobody_waits_much_longer(
            steps in proptest::collection::vec(0i64..40_000_000, 1..400),
            most in 1u32..20,
            length in 1_000_000i64..200_000_000,
        ) {
            let (mut window, mut passed, mut now) = (Window::default(), Vec::<i64>::new(), 0i64);
            let slot = length / SLOTS + 1;
            for step in steps {
                now += step;
                // Kept and read again each time, as it is between processes.
                window = Window::from_bytes(&window.to_bytes());
                let within = |span: i64| passed.iter().filter(|at| **at > now - span).count() as u32;
                let taken = window.take(now, length, most, 1);
                if taken.granted == 1 {
                    prop_assert!(within(length) < most, "more than {most} in {length}");
                    passed.push(now);
                } else {
                    prop_assert!(within(length + slot) >= most, "refused although only {} passed", within(length + slot));
                    let mut later = window.clone();
                    prop_assert_eq!(later.take(now + taken.wait_us, length, most, 1).granted, 1);
                }
                prop_assert!(window.slots.len() <= SLOTS as usize + 1);
            }
        }

        #[test]
        fn whatever_was_kept_is_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..900), now in any::<i64>()) {
            let mut window = Window::from_bytes(&bytes);
            let now = now / 4;
            prop_assert!(window.take(now, MINUTE, 10, 1).granted <= 1);
        }
    }
}
