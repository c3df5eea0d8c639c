//! What is done with a table, and how long each operation takes.
use std::hint::black_box;
use std::time::{Duration, Instant as Clock};

use sendrec_core::Instant;
use sendrec_core::rng::Rng;
use sendrec_core::timer::{Handle, Strategy, Table, Timers};
use serde::Serialize;

/// The kernel's default.
const INTERVAL: Duration = sendrec_core::limits::SWEEP_INTERVAL_DEFAULT;
/// From one request to the next: a kernel that is busy.
const BETWEEN_REQUESTS: Duration = Duration::from_micros(5);
/// Time-outs are this and up to a tenth more; with many outstanding, round trips and with them time-outs are longer.
const TIME_OUT: Duration = sendrec_core::limits::RETRANSMIT_FIRST_DEFAULT;
/// One request in so many is lost, or fewer, so that a tenth of all timers at most wait for a lost one.
const LOST_EVERY: u64 = 100;
/// Over which due times are spread, where they are no request's.
const SPAN: Duration = Duration::from_secs(1);
/// Operations between two looks at the clock, at most.
const BLOCK: usize = 64;

/// What is measured, each by the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Workload {
    /// A request of many outstanding is answered, and the next one sent.
    Answered,
    /// One of many timers is armed, for any time.
    Arm,
    /// It is disarmed.
    Disarm,
    /// One of many, all of which fire.
    Expire,
}

impl Workload {
    pub(super) const ALL: [Self; 4] = [Self::Answered, Self::Arm, Self::Disarm, Self::Expire];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Arm => "arm",
            Self::Disarm => "disarm",
            Self::Expire => "expire",
        }
    }

    pub(super) const fn explanation(self) -> &'static str {
        match self {
            Self::Answered => {
                "a request answered: disarm, arm again, and its share of scans; 1 in 100 or fewer fire"
            }
            Self::Arm => "arming one of them, due at any time within a second",
            Self::Disarm => "disarming one of them",
            Self::Expire => "firing, if all fire within a second, a call each millisecond",
        }
    }
}

/// Nanoseconds of an operation of each workload, in the order of [`Workload::ALL`].
pub(super) fn costs(strategy: Strategy, timers: u32, time: Duration) -> [f64; Workload::ALL.len()] {
    let [arm, disarm] = arm_and_disarm(strategy, timers, time);
    [answered(strategy, timers, time), arm, disarm, expire(strategy, timers, time)]
}

struct Bench {
    table: Table<u32>,
    handles: Vec<Handle>,
    /// All timers, shuffled: memory is not walked in order.
    order: Vec<u32>,
    rng: Rng,
}

impl Bench {
    fn new(strategy: Strategy, timers: u32) -> Self {
        let mut table = Table::new(strategy, INTERVAL);
        let handles = (0..timers).map(|key| table.add(key)).collect();
        let mut rng = Rng::new(u64::from(timers));
        let mut order: Vec<_> = (0..timers).collect();
        for place in (1..order.len()).rev() {
            order.swap(place, rng.below(place as u64 + 1) as usize);
        }
        Self { table, handles, order, rng }
    }

    fn handle(&self, timer: u32) -> Handle {
        self.handles[timer as usize]
    }

    /// All of them, spread evenly over a second from `begin` on. The earlier first, so that no list is walked.
    fn arm_all(&mut self, begin: Instant) {
        for (place, timer) in self.order.iter().enumerate() {
            let after = SPAN.mul_f64(place as f64 / self.order.len() as f64);
            self.table.arm(self.handles[*timer as usize], begin + after);
        }
    }

    /// As if requests had been sent and lost for long, one after another, each with this time-out. Says which are
    /// lost.
    fn arm_requests(&mut self, time_out: Duration, lost_count: usize) -> Vec<bool> {
        let count = self.order.len();
        let mut lost = vec![false; count];
        let mut armed = Vec::with_capacity(count);
        for number in 0..lost_count {
            let timer = self.order[number * count / lost_count];
            lost[timer as usize] = true;
            armed.push((time_out.mul_f64(number as f64 / lost_count as f64), timer));
        }
        let round = BETWEEN_REQUESTS * count as u32;
        for (place, timer) in self.order.iter().enumerate().filter(|(_, timer)| !lost[**timer as usize]) {
            armed.push((time_out - round + BETWEEN_REQUESTS * place as u32, *timer));
        }
        armed.sort_unstable();
        for (at, timer) in armed {
            self.table.arm(self.handles[timer as usize], Instant::ZERO + at);
        }
        lost
    }
}

/// Requests are answered in turn; a lost one waits until its timer fires, and is sent again.
fn answered(strategy: Strategy, timers: u32, time: Duration) -> f64 {
    const JITTERS: usize = 1 << 10;
    let mut bench = Bench::new(strategy, timers);
    let time_out = TIME_OUT + 4 * BETWEEN_REQUESTS * timers;
    let waits: Vec<_> = (0..JITTERS)
        .map(|_| time_out + Duration::from_nanos(bench.rng.below(TIME_OUT.as_nanos() as u64 / 10)))
        .collect();
    let wait_requests = (time_out.as_nanos() / BETWEEN_REQUESTS.as_nanos()) as u64;
    let lost_every = LOST_EVERY.max(10 * wait_requests / u64::from(timers));
    let mut lost = bench.arm_requests(time_out, (wait_requests / lost_every) as usize);
    let mut now = Instant::ZERO;

    let (mut requests, mut counted) = (0_u64, 0_u64);
    let mut begin = Clock::now();
    // The first time-out's worth of requests warms up, or half the time.
    let mut warm = false;
    loop {
        for _ in 0..BLOCK {
            requests += 1;
            now = now + BETWEEN_REQUESTS;
            let wait = waits[requests as usize % JITTERS];
            let timer = bench.order[(requests % u64::from(timers)) as usize];
            if requests.is_multiple_of(lost_every) {
                lost[timer as usize] = true;
            } else if !lost[timer as usize] {
                let handle = bench.handle(timer);
                bench.table.disarm(handle);
                bench.table.arm(handle, now + wait);
            }
            if bench.table.is_due(now) {
                bench.table.expire(now);
                while let Some(timer) = bench.table.pop() {
                    lost[timer as usize] = false;
                    bench.table.arm(bench.handles[timer as usize], now + wait);
                }
            }
        }
        let elapsed = begin.elapsed();
        if !warm && (requests > wait_requests || elapsed > time / 2) {
            (warm, counted, begin) = (true, requests, Clock::now());
        } else if warm && elapsed > time {
            black_box(bench.table.steps());
            return elapsed.as_nanos() as f64 / (requests - counted) as f64;
        }
    }
}

/// Blocks of timers are disarmed and armed again, the others being armed.
fn arm_and_disarm(strategy: Strategy, timers: u32, time: Duration) -> [f64; 2] {
    let mut bench = Bench::new(strategy, timers);
    bench.arm_all(Instant::ZERO);
    let clock = clock_nanos();
    let block = BLOCK.min(timers as usize);
    let (mut arming, mut disarming, mut count) = (0.0, 0.0, 0);
    let mut chosen = Vec::with_capacity(block);
    let begin = Clock::now();
    while count == 0 || begin.elapsed() < time {
        chosen.clear();
        for number in 0..block {
            let timer = bench.order[(count + number) % bench.order.len()];
            let at = Instant::from_nanos(bench.rng.below(SPAN.as_nanos() as u64));
            chosen.push((bench.handle(timer), at));
        }
        let before = Clock::now();
        for (handle, _) in &chosen {
            bench.table.disarm(*handle);
        }
        let between = Clock::now();
        for (handle, at) in &chosen {
            bench.table.arm(*handle, *at);
        }
        let after = Clock::now();
        disarming += (between - before).as_nanos() as f64 - clock;
        arming += (after - between).as_nanos() as f64 - clock;
        count += block;
    }
    [arming, disarming].map(|nanos| nanos.max(0.0) / count as f64)
}

/// All are armed, and all fire, the table called each time it wants to be.
fn expire(strategy: Strategy, timers: u32, time: Duration) -> f64 {
    let mut bench = Bench::new(strategy, timers);
    let clock = clock_nanos();
    let (mut nanos, mut count) = (0.0, 0_u64);
    let mut now = Instant::ZERO;
    let begin = Clock::now();
    while count == 0 || begin.elapsed() < time {
        bench.arm_all(now);
        let before = Clock::now();
        while let Some(next) = bench.table.next() {
            now = next;
            bench.table.expire(now);
            count += std::iter::from_fn(|| bench.table.pop()).count() as u64;
        }
        nanos += before.elapsed().as_nanos() as f64 - clock;
    }
    nanos.max(0.0) / count as f64
}

/// What two readings of the clock show if nothing lies between them.
fn clock_nanos() -> f64 {
    const READINGS: u32 = 1_000;
    let reading = |_| {
        let before = Clock::now();
        before.elapsed().as_nanos()
    };
    let mut readings: Vec<_> = (0..READINGS).map(reading).collect();
    readings.sort_unstable();
    readings[readings.len() / 2] as f64
}
