//! An actor plays a process's script: the same blocking calls wherever it runs, and a note of what each step brought.
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, unbounded};
use sendrec_trap::{
    Bytes, BytesMut, Completion, From, How, Process, ReceiveError, Received, SendError, Source, Target,
};

use super::cast::{Directory, Entry, Stage, Told};
use super::desk::Desk;
use super::file_steps;
use super::naming::{self, Book};
use super::rpc::Calls;
use super::rpc::script::RpcStep;
use super::script::{Kind, Manner, Sending, Step, Whom};

/// How often one who waits for an interrupt looks whether it has come.
const LOOK_INTERVAL: Duration = Duration::from_micros(100);
/// Steps that have had a result and are remembered, per process.
const TOLD_MAX: usize = 4_096;

/// What a wait brings whose time is over.
const TIMED_OUT: &str = "timed out";

/// A send or call under way.
enum Started {
    Sent(Completion<Result<(), SendError>>),
    Lent(Completion<Result<BytesMut, SendError>>, Bytes),
    Called(Completion<Result<Bytes, SendError>>, Bytes),
    /// It is over, and the buffer that was lent is its owner's again.
    Back,
}

/// Why a script ends before its last step.
struct Ended;

/// Plays one script.
pub struct Actor<'a, 't, T: Stage + ?Sized> {
    me: &'a Process<'t, T>,
    name: &'a str,
    directory: &'a Directory,
    manner: Manner,
    tell: &'a dyn Fn(Told),
    told: usize,
    began: Duration,
    last: Option<Received>,
    held: BTreeMap<String, Received>,
    started: BTreeMap<String, Started>,
    interrupts: Option<Receiver<Result<Received, ReceiveError>>>,
    book: Book,
    desk: Arc<Desk>,
    /// Made when it is needed.
    calls: Option<Calls<'a, 't, T>>,
}

impl<T: Stage + ?Sized> std::fmt::Debug for Actor<'_, '_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Actor({})", self.name)
    }
}

impl<'a, 't, T: Stage + ?Sized> Actor<'a, 't, T> {
    /// An actor for `me`, called `name`, on the machine whose desk that is. Sends that say nothing else are handed over as `manner` says.
    pub fn new(
        me: &'a Process<'t, T>,
        name: &'a str,
        directory: &'a Directory,
        desk: Arc<Desk>,
        manner: Manner,
        tell: &'a dyn Fn(Told),
    ) -> Self {
        let (held, started) = (BTreeMap::new(), BTreeMap::new());
        Self {
            me,
            name,
            directory,
            manner,
            tell,
            told: 0,
            began: Duration::ZERO,
            last: None,
            held,
            started,
            interrupts: None,
            book: Book::new(directory.names),
            desk,
            calls: None,
        }
    }

    /// Plays the script to its end.
    pub fn play(&mut self, script: &[Step]) {
        let _ = self.steps(script);
    }

    fn steps(&mut self, steps: &[Step]) -> Result<(), Ended> {
        steps.iter().try_for_each(|step| self.step(step))
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.me.gate().now().as_nanos())
    }

    fn tell(&mut self, step: &str, result: impl Into<String>) {
        self.told += 1;
        if self.told <= TOLD_MAX {
            let told = Told {
                process: self.name.to_owned(),
                step: step.to_owned(),
                result: result.into(),
                began: self.began,
                at: self.now(),
            };
            (self.tell)(told);
        }
    }

    fn step(&mut self, step: &Step) -> Result<(), Ended> {
        let bounded = step.is_bounded();
        if bounded {
            self.me.gate().bounded(true);
        }
        let done = self.do_step(step);
        if bounded {
            self.me.gate().bounded(false);
        }
        done
    }

    fn do_step(&mut self, step: &Step) -> Result<(), Ended> {
        self.began = self.now();
        match step {
            Step::Sleep(span) => self.me.gate().sleep(*span),
            Step::Send(sending) => self.send(sending),
            Step::Start(name, sending) => {
                let manner = sending.manner.unwrap_or(self.manner);
                let started = self.start(sending, manner, &words_of(sending));
                if let Some(started) = started {
                    self.started.insert(name.clone(), started);
                }
            }
            Step::Wait(name, within) => self.wait(name, *within),
            Step::Test(name) => self.test(name),
            Step::Cancel(name) => self.cancel(name),
            Step::Scribble(name, text) => self.scribble(name, text),
            Step::Receive { from, within } => self.receive(from.as_ref(), *within)?,
            Step::Reply { to, text, manner } => self.reply(to.as_deref(), text.as_deref(), *manner),
            Step::Hold(name) => {
                if let Some(last) = self.last.clone() {
                    self.held.insert(name.clone(), last);
                }
            }
            Step::Forward(to) => self.forward(to),
            Step::Serve { times, work, text } => self.serve(*times, *work, text.as_deref())?,
            Step::Ping(whom, within) => self.ping(whom, *within),
            Step::Locate { whom, anew } => self.locate(whom, *anew),
            Step::Interrupts => {
                let (sender, receiver) = unbounded();
                self.me.on_message(From::Any, sender);
                self.interrupts = Some(receiver);
            }
            Step::Interrupt(within) => self.interrupt(*within)?,
            Step::Names => {
                naming::serve(self.me);
                return Err(Ended);
            }
            Step::Files(file, bytes) => {
                file_steps::serve_file(self.me, file, *bytes);
                return Err(Ended);
            }
            Step::Read { whom, file, bytes, by } => self.read(whom, file, *bytes, *by),
            Step::Rpc(step) => self.rpc(step)?,
            Step::Register(name) => self.register(name),
            Step::Unregister(name) => self.unregister(name),
            Step::Repeat(times, steps) => {
                let mut left = times.unwrap_or(u64::MAX);
                while left > 0 {
                    left -= 1;
                    self.steps(steps)?;
                }
            }
            Step::Exit => return Err(Ended),
        }
        Ok(())
    }

    /// Whom to send to; an error in words if that cannot be known.
    fn target(&mut self, whom: &Whom) -> Result<Target, String> {
        match whom {
            Whom::Sparse(sparse) => Ok(Target::Sparse(*sparse)),
            Whom::Name(name) => self.look_up(name),
            Whom::Sender => match &self.last {
                Some(last) => Ok(Target::Place(last.source.address())),
                None => Err("nobody has sent anything yet".to_owned()),
            },
            Whom::Process(name) => match self.directory.processes.get(name).cloned() {
                Some(Entry { sparse: Some(sparse), .. }) => Ok(Target::Sparse(sparse)),
                Some(Entry { name: Some(name), .. }) => self.look_up(&name),
                Some(entry) => Ok(Target::Place(entry.address)),
                None => Err(format!("nobody is called {name}")),
            },
        }
    }

    fn look_up(&mut self, name: &str) -> Result<Target, String> {
        self.book.look_up(self.me, name)
    }

    fn read(&mut self, whom: &Whom, file: &str, bytes: u32, by: u32) {
        let read = self.target(whom).and_then(|server| {
            file_steps::read_file(self.me.gate(), server, file, bytes, by).map_err(|error| error.to_string())
        });
        self.tell(&format!("read \"{file}\""), outcome(read));
    }

    /// A server's step is over when the kernel takes no more calls, and the script with it.
    fn rpc(&mut self, step: &RpcStep) -> Result<(), Ended> {
        let mut calls = self.calls.take().unwrap_or_else(|| Calls::new(self.me, self.desk.clone()));
        let played = calls.play(step, &mut |whom| self.target(whom));
        self.calls = Some(calls);
        let (words, result) = played.ok_or(Ended)?;
        self.tell(&words, outcome(result));
        Ok(())
    }

    fn register(&mut self, name: &str) {
        let done = naming::register(self.me, self.directory.names, name);
        self.tell(&format!("register {name}"), outcome(done.map(|()| "registered")));
    }

    fn unregister(&mut self, name: &str) {
        let done = naming::unregister(self.me, self.directory.names, name);
        self.tell(&format!("unregister {name}"), outcome(done.map(|()| "unregistered")));
    }

    /// The name by which somebody is to be called, if by one.
    fn name_of(&self, whom: &Whom) -> Option<String> {
        match whom {
            Whom::Name(name) => Some(name.clone()),
            Whom::Process(name) => self.directory.processes.get(name)?.name.clone(),
            Whom::Sparse(_) | Whom::Sender => None,
        }
    }

    fn how(&self, within: Option<Duration>) -> How {
        How { timeout: within, ..self.me.how() }
    }

    fn send(&mut self, sending: &Sending) {
        let manner = sending.manner.unwrap_or(self.manner);
        if manner != Manner::Blocking && sending.kind != Kind::Tell {
            return self.send_and_run_on(sending, manner);
        }
        let words = words_of(sending);
        let how = self.how(sending.within);
        if let (Kind::Call, Some(name)) = (sending.kind, self.name_of(&sending.to)) {
            let message = Bytes::copy_from_slice(sending.text.as_bytes());
            let reply = self.book.call(self.me, &name, &message, how);
            return self.tell(&words, outcome(reply.map(|reply| text(&reply))));
        }
        let to = match self.target(&sending.to) {
            Ok(to) => to,
            Err(reason) => return self.tell(&words, reason),
        };
        // While the caller waits nobody writes into its buffer, so the kernel needs no copy.
        let message = Bytes::copy_from_slice(sending.text.as_bytes());
        let result = match sending.kind {
            Kind::Call => self.me.call_with(to, message, how).map(|reply| text(&reply)),
            Kind::Send => self.me.send_with(to, message, how).map(|()| "sent".to_owned()),
            Kind::Tell => self.me.send_one_way(to, message, how).map(|()| "sent".to_owned()),
        };
        self.tell(&words, outcome(result));
    }

    /// Hands the message over and runs on; waits when the completion is needed. A call is a send, and a receive of the
    /// reply.
    fn send_and_run_on(&mut self, sending: &Sending, manner: Manner) {
        let words = words_of(sending);
        let as_send = Sending { kind: Kind::Send, ..sending.clone() };
        let Some(started) = self.start(&as_send, manner, &words) else { return };
        let sent = self.finish(started, sending.within);
        if sent != "sent" || sending.kind == Kind::Send {
            return self.tell(&words, sent);
        }
        let received = match sending.within {
            Some(within) => self.me.receive_within(From::Any, within),
            None => self.me.receive(From::Any),
        };
        self.tell(&words, outcome(received.map(|received| text(&received.message))));
    }

    /// Starts sending; what cannot be started is told of in `words`.
    fn start(&mut self, sending: &Sending, manner: Manner, words: &str) -> Option<Started> {
        let to = match self.target(&sending.to) {
            Ok(to) => to,
            Err(reason) => {
                self.tell(words, reason);
                return None;
            }
        };
        let bytes = Bytes::copy_from_slice(sending.text.as_bytes());
        Some(match (sending.kind, manner) {
            (Kind::Call, Manner::Lent) => Started::Called(self.me.start_call(to, bytes.clone()), bytes),
            (Kind::Call, _) => Started::Called(self.me.start_call(to, &bytes[..]), bytes),
            (_, Manner::Lent) => Started::Lent(self.me.send_owned(to, BytesMut::from(&bytes[..])), bytes),
            _ => Started::Sent(self.me.send_copied(to, &bytes)),
        })
    }

    /// Waits for what was started; says what it brought.
    fn finish(&self, started: Started, within: Option<Duration>) -> String {
        fn wait<T: Stage + ?Sized, R>(
            me: &Process<'_, T>,
            completion: Completion<Result<R, SendError>>,
            within: Option<Duration>,
        ) -> Result<R, String> {
            let result = match within {
                None => me.wait(completion),
                Some(within) => match me.wait_within(completion, within) {
                    Ok(result) => result,
                    Err(completion) => match me.cancel(completion) {
                        Some(result) => result,
                        None => return Err(TIMED_OUT.to_owned()),
                    },
                },
            };
            result.map_err(|error| error.to_string())
        }
        outcome(match started {
            Started::Sent(completion) => wait(self.me, completion, within).map(|()| "sent".to_owned()),
            Started::Lent(completion, _) => wait(self.me, completion, within).map(|_| "sent".to_owned()),
            Started::Called(completion, _) => wait(self.me, completion, within).map(|reply| text(&reply)),
            Started::Back => Ok("sent".to_owned()),
        })
    }

    fn wait(&mut self, name: &str, within: Option<Duration>) {
        let words = format!("wait {name}");
        match self.started.remove(name) {
            Some(started) => {
                if matches!(started, Started::Lent(..) | Started::Back) {
                    self.started.insert(name.to_owned(), Started::Back);
                }
                let result = self.finish(started, within);
                self.tell(&words, result);
            }
            None => self.tell(&words, "nothing was started under this name"),
        }
    }

    fn test(&mut self, name: &str) {
        let done = match self.started.get(name) {
            Some(Started::Sent(completion)) => completion.is_done(),
            Some(Started::Lent(completion, _)) => completion.is_done(),
            Some(Started::Called(completion, _)) => completion.is_done(),
            Some(Started::Back) => true,
            None => return self.tell(&format!("test {name}"), "nothing was started under this name"),
        };
        self.tell(&format!("test {name}"), if done { "done" } else { "not yet" });
    }

    fn cancel(&mut self, name: &str) {
        let Some(started) = self.started.remove(name) else { return };
        let result = match self.finish(started, Some(Duration::ZERO)) {
            result if result == TIMED_OUT => "taken back".to_owned(),
            result => result,
        };
        self.tell(&format!("cancel {name}"), result);
    }

    /// Writes into the buffer of what was started, if that can be: a copied one is free, a lent one is not.
    fn scribble(&mut self, name: &str, after: &str) {
        let result = match self.started.get(name) {
            None => "nothing was started under this name",
            Some(Started::Sent(_)) => "written: the kernel has a copy",
            Some(Started::Back) => "written: the buffer is free again",
            Some(Started::Lent(completion, _)) if completion.is_done() => "written: the buffer is free again",
            Some(Started::Lent(_, before) | Started::Called(_, before)) => {
                if self.me.gate().scribble(self.me.id(), before, after.as_bytes()) {
                    "written into a buffer that is lent"
                } else {
                    "refused: the buffer is lent until the interrupt"
                }
            }
        };
        self.tell(&format!("scribble {name} \"{after}\""), result);
    }

    fn receive(&mut self, from: Option<&Whom>, within: Option<Duration>) -> Result<(), Ended> {
        let filter = match from.map(|whom| self.target(whom)) {
            None => From::Any,
            Some(Ok(Target::Place(address))) => From::One(address),
            Some(Ok(Target::Sparse(sparse))) => match self.me.locate(sparse, false, within) {
                Ok(address) => From::One(address),
                Err(error) => {
                    self.tell("receive", error.to_string());
                    return Ok(());
                }
            },
            Some(Err(reason)) => {
                self.tell("receive", reason);
                return Ok(());
            }
        };
        let received = match within {
            Some(Duration::ZERO) => match self.me.try_receive(filter) {
                Ok(None) => {
                    self.tell("receive", "nothing");
                    return Ok(());
                }
                Ok(Some(received)) => Ok(received),
                Err(error) => Err(error),
            },
            Some(within) => self.me.receive_within(filter, within),
            None => self.me.receive(filter),
        };
        self.took("receive", received)
    }

    /// A message came, or did not.
    fn took(&mut self, step: &str, received: Result<Received, ReceiveError>) -> Result<(), Ended> {
        match received {
            Ok(received) => {
                self.tell(step, text(&received.message));
                self.last = Some(received);
                Ok(())
            }
            Err(ReceiveError::Down | ReceiveError::Cancelled | ReceiveError::NoProcess) => Err(Ended),
            Err(error) => {
                self.tell(step, error.to_string());
                Ok(())
            }
        }
    }

    fn interrupt(&mut self, within: Option<Duration>) -> Result<(), Ended> {
        let Some(interrupts) = self.interrupts.clone() else {
            self.tell("interrupt", "interrupts are not on: say 'interrupts' before");
            return Ok(());
        };
        let gate = self.me.gate();
        let deadline = within.map(|within| gate.now() + within);
        loop {
            match interrupts.try_recv() {
                Ok(received) => return self.took("interrupt", received),
                Err(crossbeam_channel::TryRecvError::Disconnected) => return Err(Ended),
                Err(crossbeam_channel::TryRecvError::Empty) => {}
            }
            if deadline.is_some_and(|deadline| gate.now() >= deadline) {
                self.tell("interrupt", TIMED_OUT);
                return Ok(());
            }
            gate.sleep(LOOK_INTERVAL);
        }
    }

    fn reply(&mut self, to: Option<&str>, answer: Option<&str>, manner: Option<Manner>) {
        let request = match to {
            Some(name) => self.held.remove(name),
            None => self.last.clone(),
        };
        let Some(request) = request else { return self.tell("reply", "there is nothing to reply to") };
        let message =
            answer.map_or(request.message.clone(), |answer| Bytes::copy_from_slice(answer.as_bytes()));
        if let Err(error) = self.answer(request.source, &message, manner.unwrap_or_default()) {
            self.tell("reply", error.to_string());
        }
    }

    fn answer(&self, source: Source, message: &Bytes, manner: Manner) -> Result<(), SendError> {
        match manner {
            Manner::Blocking => self.me.send(source, message.clone()),
            Manner::Copied => self.me.wait(self.me.send_copied(source, message)),
            Manner::Lent => self.me.wait(self.me.send_owned(source, BytesMut::from(&message[..]))).map(drop),
        }
    }

    fn forward(&mut self, to: &Whom) {
        let Some(request) = self.last.clone() else {
            return self.tell("forward", "there is nothing to forward");
        };
        let address = match self.target(to) {
            Ok(Target::Place(address)) => Ok(address),
            Ok(Target::Sparse(sparse)) => {
                self.me.locate(sparse, false, None).map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        let done = address.and_then(|address| {
            self.me
                .forward(request.source, request.message.clone(), address)
                .map_err(|error| error.to_string())
        });
        if let Err(reason) = done {
            self.tell("forward", reason);
        }
    }

    fn serve(&mut self, times: Option<u64>, work: Option<Duration>, text: Option<&str>) -> Result<(), Ended> {
        let mut left = times.unwrap_or(u64::MAX);
        while left > 0 {
            left -= 1;
            match self.me.receive(From::Any) {
                Ok(received) => self.last = Some(received),
                Err(ReceiveError::RequestFailed { .. }) => continue,
                Err(_) => return Err(Ended),
            }
            if let Some(work) = work {
                self.me.gate().sleep(work);
            }
            if self.last.as_ref().is_some_and(|last| last.source.wants_reply()) {
                self.reply(None, text, None);
            }
        }
        Ok(())
    }

    fn ping(&mut self, whom: &Whom, within: Option<Duration>) {
        const PATIENCE: Duration = Duration::from_secs(1);
        let address = match self.target(whom) {
            Ok(Target::Place(address)) => Ok(address),
            Ok(Target::Sparse(sparse)) => {
                self.me.locate(sparse, false, within).map_err(|error| error.to_string())
            }
            Err(reason) => Err(reason),
        };
        let alive = address.and_then(|address| {
            self.me.ping(address, within.unwrap_or(PATIENCE)).map_err(|error| error.to_string())
        });
        self.tell("ping", outcome(alive.map(|_| "alive")));
    }

    fn locate(&mut self, whom: &Whom, anew: bool) {
        let sparse = match whom {
            Whom::Sparse(sparse) => Some(*sparse),
            Whom::Process(name) => self.directory.processes.get(name).and_then(|entry| entry.sparse),
            Whom::Name(_) | Whom::Sender => None,
        };
        let Some(sparse) = sparse else { return self.tell("locate", "it has no sparse id") };
        let found = self.me.locate(sparse, anew, None).map(|address| {
            let known = self.directory.processes.iter().find(|(_, entry)| entry.address == address);
            known.map_or(address.to_string(), |(name, _)| name.clone())
        });
        self.tell("locate", outcome(found));
    }
}

fn text(message: &[u8]) -> String {
    String::from_utf8_lossy(message).into_owned()
}

fn outcome<R: Into<String>, E: std::fmt::Display>(result: Result<R, E>) -> String {
    match result {
        Ok(result) => result.into(),
        Err(error) => error.to_string(),
    }
}

fn words_of(sending: &Sending) -> String {
    let kind = match sending.kind {
        Kind::Call => "call",
        Kind::Send => "send",
        Kind::Tell => "tell",
    };
    // What is long enough to go in pieces says how long it is.
    const LETTERS_MAX: usize = 200;
    const LETTERS_SHOWN: usize = 12;
    if sending.text.len() <= LETTERS_MAX {
        return format!("{kind} \"{}\"", sending.text);
    }
    let shown: String = sending.text.chars().take(LETTERS_SHOWN).collect();
    format!("{kind} \"{shown}...\" ({} bytes)", sending.text.len())
}
