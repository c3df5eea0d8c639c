//! The processes of a world: servers, relays, one that moves about, and clients that ask them for all there is.
//!
//! They write down what they do and are told, and judge nothing.
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use sendrec_sim::Gate;
use sendrec_trap::{
    Address, BytesMut, CallError, Completion, From, How, LocalId, Machine, Options as Manner, Process,
    ReceiveError, Received, Reliability, SendError, SendFailure, SparseId, SpawnOptions, Target, Trap,
};

use super::log::{Aim, Answer, Entry, Kind, Life, Op, What};
use super::options::{Dice, Options, Server, manner};

/// The local id of a machine's relay.
pub const RELAY: LocalId = LocalId(20);
/// The local id of the process that spawns the one that moves about. No kill names it: a world drops a killed process's
/// coroutine, and with it nobody would end the process it has spawned.
pub const WANDERER: LocalId = LocalId(30);
/// A local id that nobody has.
const NOBODY: LocalId = LocalId(77);
/// The one that moves about.
pub const ROAMER: SparseId = SparseId(0x50a9_0f5e_ed00_0001);
/// How long an unreliable call, a ping or a search is waited for.
const PATIENCE: Duration = Duration::from_millis(150);
/// A request's or reply's number, and whose it is.
const HEAD_BYTES: usize = 12;

/// A process of the swarm.
pub type Me<'p, 'y> = Process<'p, Gate<'y>>;

/// What all processes of a world share: what they write down, and what decides what they do.
pub struct Shared {
    /// What is to be.
    pub options: Options,
    /// What happened.
    pub log: RefCell<Vec<Entry>>,
    dice: RefCell<Dice>,
    machines: RefCell<Vec<Machine>>,
    last_op: Cell<Op>,
    last_life: Cell<Life>,
    /// Servers whose id was handed out.
    directory: RefCell<Vec<Address>>,
    /// Whether somebody has the sparse id.
    is_held: Cell<bool>,
}

impl Shared {
    /// For a world of these options.
    pub fn new(options: Options) -> Rc<Self> {
        let dice = RefCell::new(Dice::new(!options.seed));
        Rc::new(Self {
            options,
            log: RefCell::default(),
            dice,
            machines: RefCell::default(),
            last_op: Cell::new(0),
            last_life: Cell::new(0),
            directory: RefCell::default(),
            is_held: Cell::new(false),
        })
    }

    /// Says which machines there are.
    pub fn set_machines(&self, machines: Vec<Machine>) {
        *self.machines.borrow_mut() = machines;
    }

    fn number(&self, machine: Machine) -> usize {
        self.machines.borrow().iter().position(|other| *other == machine).unwrap_or(usize::MAX)
    }

    fn dice<R>(&self, throw: impl FnOnce(&mut Dice) -> R) -> R {
        throw(&mut self.dice.borrow_mut())
    }
}

/// One life of a process: writes down for it, and at last that it is over, however it ends.
struct Diary<'a, 'p, 'y> {
    shared: &'a Shared,
    gate: &'p Gate<'y>,
    life: Life,
    /// What is given back at the end.
    holds_roamer: Cell<bool>,
}

impl<'a, 'p, 'y> Diary<'a, 'p, 'y> {
    fn begin(shared: &'a Shared, me: &Me<'p, 'y>, options: &SpawnOptions) -> Self {
        let life = shared.last_life.get() + 1;
        shared.last_life.set(life);
        let diary = Self { shared, gate: me.gate(), life, holds_roamer: Cell::new(false) };
        let machine = diary.gate.machine_id().index();
        let buffering = options.buffering.unwrap_or(shared.options.machines[machine].config.buffering);
        diary.write(What::Started { machine, local: me.id(), sparse: options.sparse, buffering });
        diary
    }

    fn write(&self, what: What) {
        let at_us = self.gate.now().as_nanos() / 1_000;
        self.shared.log.borrow_mut().push(Entry { at_us, life: self.life, what });
    }

    fn ask(&self, kind: Kind, aim: Aim, options: Manner, bytes: usize) -> Op {
        let op = self.shared.last_op.get() + 1;
        self.shared.last_op.set(op);
        self.write(What::Asked { op, kind, aim, options, bytes });
        op
    }

    fn aim(&self, target: Target) -> Aim {
        match target {
            Target::Place(address) => Aim::Place(self.shared.number(address.machine), address.local),
            Target::Sparse(sparse) => Aim::Sparse(sparse),
        }
    }
}

impl Drop for Diary<'_, '_, '_> {
    fn drop(&mut self) {
        if self.holds_roamer.get() {
            self.shared.is_held.set(false);
        }
        // Also when its machine has crashed: then the clock is all that the gate still tells.
        self.write(What::Stopped);
    }
}

/// A message: a number, whose it is, and bytes that follow from both.
fn message(op: Op, by: Life, bytes: usize) -> Vec<u8> {
    let mut message = Vec::with_capacity(bytes.max(HEAD_BYTES));
    message.extend_from_slice(&op.to_be_bytes());
    message.extend_from_slice(&by.to_be_bytes());
    message.extend((HEAD_BYTES..bytes).map(|place| pattern(op, place)));
    message
}

const fn pattern(op: Op, place: usize) -> u8 {
    (op as usize).wrapping_mul(31).wrapping_add(place) as u8
}

fn read(message: &[u8]) -> Option<Answer> {
    let (op, rest) = message.split_first_chunk()?;
    let (by, rest) = rest.split_first_chunk()?;
    let (op, by) = (Op::from_be_bytes(*op), Life::from_be_bytes(*by));
    let intact = rest.iter().enumerate().all(|(place, byte)| *byte == pattern(op, HEAD_BYTES + place));
    Some(Answer { op, by, intact })
}

/// The failure of a request.
const fn call_error(error: &SendError) -> CallError {
    match error.failure {
        SendFailure::Request(error) => error,
        SendFailure::Reply(_) => CallError::Down,
    }
}

/// A server, until it ends of itself, if it does.
pub fn serve(shared: &Shared, me: &Me<'_, '_>, options: &SpawnOptions, server: &Server, relays: bool) {
    let diary = Diary::begin(shared, me, options);
    if me.id().is_handed_out() {
        shared.directory.borrow_mut().push(me.address());
    }
    let mut left = server.ends_after.unwrap_or(u32::MAX);
    while left > 0 {
        match me.receive(From::Any) {
            Ok(first) => work(&diary, me, server, relays, first, &mut left),
            Err(ReceiveError::RequestFailed { .. }) => {}
            Err(_) => return,
        }
    }
}

/// Takes as many requests as the server holds at once, and answers the last one first.
fn work(
    diary: &Diary<'_, '_, '_>,
    me: &Me<'_, '_>,
    server: &Server,
    relays: bool,
    first: Received,
    left: &mut u32,
) {
    let mut held = vec![first];
    while held.len() < server.held {
        match me.try_receive(From::Any) {
            Ok(Some(received)) => held.push(received),
            _ => break,
        }
    }
    if relays {
        // It may have to wait for the end of one before it looks at the next.
        for asked in held.iter().filter_map(|received| read(&received.message)) {
            diary.write(What::Taken(asked.op));
        }
        for received in held {
            relay(diary, me, server, &received);
        }
        return;
    }
    held.retain(|received| run(diary, received));
    while let Some(received) = held.pop() {
        *left = left.saturating_sub(1);
        if *left == 0 {
            // It ends with this one and all others unanswered.
            return;
        }
        if !server.service.is_zero() {
            let service = diary.shared.dice(|dice| dice.span(Duration::ZERO, server.service));
            me.gate().sleep(service);
        }
        answer(diary, me, server, &received);
    }
}

/// Writes a run down; whether it wants an answer.
fn run(diary: &Diary<'_, '_, '_>, received: &Received) -> bool {
    let read = read(&received.message);
    if received.source.is_reply() {
        diary.write(What::Stray(read));
        return false;
    }
    diary.write(match read {
        Some(asked) => What::Ran(asked.op, asked.intact),
        None => What::Garbled,
    });
    received.source.wants_reply()
}

fn answer(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>, server: &Server, received: &Received) {
    let Some(asked) = read(&received.message) else { return };
    let most = server.reply_bytes.min(me.gate().message_bytes_max());
    let bytes = diary.shared.dice(|dice| dice.count(HEAD_BYTES, most));
    let op = diary.ask(Kind::Reply, Aim::Place(0, LocalId::KERNEL), me.how().options, bytes);
    let _ = me.reply(received.source, message(asked.op, diary.life, bytes));
    diary.write(What::Over(op));
}

/// Hands a request on, to this machine or another; answers it itself where that does not work.
fn relay(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>, server: &Server, received: &Received) {
    if received.source.wants_reply()
        && let Some(asked) = read(&received.message)
    {
        let to = pick_server(diary);
        diary.write(What::Passed(asked.op));
        if me.forward(received.source, received.message.clone(), to).is_ok() {
            return;
        }
    }
    if run(diary, received) {
        answer(diary, me, server, received);
    }
}

fn pick_server(diary: &Diary<'_, '_, '_>) -> Address {
    let machines = diary.shared.machines.borrow();
    diary.shared.dice(|dice| {
        let number = dice.count(0, machines.len() - 1);
        let servers = diary.shared.options.machines[number].servers.len() as u32;
        let local =
            if dice.chance(0.05) { NOBODY } else { LocalId(dice.between(1, servers.max(1).into()) as u32) };
        Address::new(machines[number], local)
    })
}

/// Serves under the sparse id for a while wherever it is free, then goes.
pub fn roam(shared: &Shared, me: &Me<'_, '_>, server: &Server) {
    let mut visits = 0;
    while visits < 6 {
        visits += 1;
        let stay = shared.options.stay;
        me.gate().sleep(shared.dice(|dice| dice.span(Duration::ZERO, stay)));
        if shared.is_held.replace(true) {
            continue;
        }
        let buffering = Some(server.buffering);
        let options = SpawnOptions { sparse: Some(ROAMER), buffering, ..SpawnOptions::default() };
        let Ok(here) = Process::spawn(me.gate(), options) else {
            shared.is_held.set(false);
            continue;
        };
        let diary = Diary::begin(shared, &here, &options);
        diary.holds_roamer.set(true);
        let until = me.gate().now() + shared.dice(|dice| dice.span(Duration::ZERO, stay));
        loop {
            let now = me.gate().now();
            match here.receive_within(From::Any, until.since(now)) {
                Ok(first) => work(&diary, &here, server, false, first, &mut { u32::MAX }),
                Err(ReceiveError::RequestFailed { .. }) => {}
                Err(_) => break,
            }
            if me.gate().now() >= until {
                break;
            }
        }
        // The process ends before it is written down, so that the id is free when the next one wants it.
        drop(here);
        drop(diary);
    }
}

/// Asks for this and that, then serves whoever mistakes it for a server.
pub fn ask(shared: &Shared, me: &Me<'_, '_>, options: &SpawnOptions) {
    let diary = Diary::begin(shared, me, options);
    let mix = shared.options.mix;
    for _ in 0..shared.options.requests {
        let pause = shared.options.pause;
        if !pause.is_zero() {
            me.gate().sleep(shared.dice(|dice| dice.span(Duration::ZERO, pause)));
        }
        let kinds = [mix.call, mix.calls, mix.send, mix.one_way, mix.ping];
        let mut point = shared.dice(|dice| dice.between(1, kinds.iter().sum()));
        let kind = kinds.iter().position(|share| {
            let here = point <= *share;
            point = point.saturating_sub(*share);
            here
        });
        match kind {
            Some(1) => call_many(&diary, me),
            Some(2) => send(&diary, me),
            Some(3) => one_way(&diary, me),
            Some(4) => ping(&diary, me),
            _ => call(&diary, me),
        }
    }
    while let Ok(received) = me.receive(From::Any) {
        serve_by_the_way(&diary, me, &received);
    }
}

fn serve_by_the_way(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>, received: &Received) {
    if run(diary, received) {
        let machine = diary.gate.machine_id().index();
        let buffering = diary.shared.options.machines[machine].config.buffering;
        let server =
            Server { buffering, service: Duration::ZERO, held: 1, ends_after: None, reply_bytes: 24 };
        answer(diary, me, &server, received);
    }
}

/// Whom, how, and how much.
fn choose(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>) -> (Target, Manner, usize) {
    let shared = diary.shared;
    let place = pick_server(diary);
    let directory = shared.directory.borrow();
    let (otherwise, roams) = (shared.options.otherwise, shared.options.roams);
    let target = shared.dice(|dice| match dice.between(0, 9) {
        0 | 1 => Address::new(place.machine, RELAY).into(),
        2 | 3 if !directory.is_empty() => dice.one_of(&directory).into(),
        4..=7 if roams => ROAMER.into(),
        _ => Target::from(place),
    });
    let most = shared.options.request_bytes.min(me.gate().message_bytes_max());
    shared.dice(|dice| {
        let options = if dice.chance(otherwise) { manner(dice) } else { me.how().options };
        (target, options, dice.count(HEAD_BYTES, most))
    })
}

fn patience(diary: &Diary<'_, '_, '_>, options: Manner) -> Option<Duration> {
    let impatient = diary.shared.dice(|dice| dice.chance(diary.shared.options.impatience));
    if impatient {
        return Some(diary.shared.dice(|dice| dice.span(Duration::ZERO, PATIENCE)));
    }
    (options.reliability == Reliability::Unreliable).then_some(PATIENCE)
}

fn conclude(diary: &Diary<'_, '_, '_>, op: Op, result: Result<sendrec_trap::Bytes, SendError>) {
    diary.write(match result {
        Ok(reply) => What::Answered(op, read(&reply)),
        Err(error) => What::Failed(op, call_error(&error)),
    });
}

fn call(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>) {
    let (target, options, bytes) = choose(diary, me);
    let timeout = patience(diary, options);
    let op = diary.ask(Kind::Call, diary.aim(target), options, bytes);
    let result = me.call_with(target, message(op, diary.life, bytes), How { options, timeout });
    conclude(diary, op, result);
}

type Pending = (Op, Manner, Completion<Result<sendrec_trap::Bytes, SendError>>);

/// Several calls at once, some of which are taken back.
fn call_many(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>) {
    let count = diary.shared.dice(|dice| dice.count(2, 8));
    let start = |_| -> Pending {
        let (target, options, bytes) = choose(diary, me);
        let op = diary.ask(Kind::Call, diary.aim(target), options, bytes);
        (op, options, me.start_call_with(target, message(op, diary.life, bytes), options))
    };
    let pending: Vec<Pending> = (0..count).map(start).collect();
    // An unreliable call whose packets are lost keeps its place in the window until it is given up, so those are waited
    // for first: the others may be held until then.
    let (unreliable, reliable): (Vec<_>, Vec<_>) =
        pending.into_iter().partition(|(_, options, _)| options.reliability == Reliability::Unreliable);
    for (op, options, completion) in unreliable.into_iter().chain(reliable) {
        let result = match patience(diary, options) {
            None => Some(me.wait(completion)),
            Some(timeout) => match me.wait_within(completion, timeout) {
                Ok(result) => Some(result),
                Err(completion) => me.cancel(completion),
            },
        };
        match result {
            Some(result) => conclude(diary, op, result),
            None => diary.write(What::Failed(op, CallError::Cancelled)),
        }
    }
}

/// Slides 13 and 14: send, then receive. The reply, or the news that there will be none, always comes, so no time-out.
fn send(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>) {
    let (target, mut options, bytes) = choose(diary, me);
    let handing = diary.shared.dice(|dice| dice.between(0, 2));
    if handing > 0 {
        options = me.how().options;
    }
    if options.reliability == Reliability::Unreliable {
        return call(diary, me);
    }
    let op = diary.ask(Kind::Send, diary.aim(target), options, bytes);
    let message = message(op, diary.life, bytes);
    let sent = match handing {
        0 => me.send_with(target, message, How { options, timeout: None }),
        1 => me.wait(me.send_copied(target, &message)),
        _ => me.wait(me.send_owned(target, BytesMut::from(&message[..]))).map(drop),
    };
    match sent {
        Ok(()) => diary.write(What::Accepted(op)),
        Err(error) => return diary.write(What::Failed(op, call_error(&error))),
    }
    loop {
        match me.receive(From::Any) {
            Ok(reply) if reply.source.is_reply() => {
                return diary.write(What::Answered(op, read(&reply.message)));
            }
            Ok(request) => serve_by_the_way(diary, me, &request),
            Err(ReceiveError::RequestFailed { error, .. }) => return diary.write(What::Failed(op, error)),
            Err(_) => return diary.write(What::Failed(op, CallError::Down)),
        }
    }
}

fn one_way(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>) {
    let (target, options, bytes) = choose(diary, me);
    let timeout = patience(diary, options);
    let op = diary.ask(Kind::OneWay, diary.aim(target), options, bytes);
    match me.send_one_way(target, message(op, diary.life, bytes), How { options, timeout }) {
        Ok(()) => diary.write(What::Accepted(op)),
        Err(error) => diary.write(What::Failed(op, call_error(&error))),
    }
}

fn ping(diary: &Diary<'_, '_, '_>, me: &Me<'_, '_>) {
    let (target, options, _) = choose(diary, me);
    match target {
        Target::Place(address) => {
            let op = diary.ask(Kind::Ping, diary.aim(target), options, 0);
            let _ = me.ping(address, PATIENCE);
            diary.write(What::Over(op));
        }
        Target::Sparse(sparse) => {
            let anew = diary.shared.dice(|dice| dice.chance(0.5));
            let op = diary.ask(Kind::Locate, diary.aim(target), options, 0);
            let _ = me.locate(sparse, anew, None);
            diary.write(What::Over(op));
        }
    }
}
