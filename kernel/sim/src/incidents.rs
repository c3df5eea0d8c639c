//! What befalls machines, processes and the network.
use std::time::Duration;

use sendrec_core::fault::{Mishap, Span};
use sendrec_core::trace::{Event, Incident, What};
use sendrec_trap::{Instant, LocalId, SpawnError};

use crate::agenda::Happening;
use crate::inner::Inner;
use crate::machine::Installed;
use crate::threads::Life;

impl Inner {
    /// An incident befalls. Names were checked before the world ran; one that nobody has befalls nobody.
    pub(crate) fn befall(&mut self, rule: usize) {
        let Some(incident) = self.incidents.get(rule).filter(|_| rule >= self.called_off).cloned() else {
            return;
        };
        let text = incident.to_string();
        self.bring_about(&incident.mishap, &text);
    }

    /// The rule that would do now what is done by hand.
    pub(crate) fn by_hand(&self, mishap: &str) -> String {
        format!("{mishap}@{}", Span(self.now.since(Instant::ZERO)))
    }

    fn number(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    pub(crate) fn bring_about(&mut self, mishap: &Mishap, rule: &str) {
        match mishap {
            Mishap::Heal => self.heal(rule),
            Mishap::Partition(groups) => {
                for (place, group) in groups.iter().enumerate() {
                    for other in &groups[place + 1..] {
                        for (one, two) in group.iter().flat_map(|one| other.iter().map(move |two| (one, two)))
                        {
                            self.cut_named(one, two, rule);
                            self.cut_named(two, one, rule);
                        }
                    }
                }
            }
            Mishap::Cut { from, to } => self.cut_named(from, to, rule),
            Mishap::Crash(who) => self.with_named(who, |inner, machine| inner.crash(machine, rule)),
            Mishap::Restart(who) => self.with_named(who, |inner, machine| inner.restart(machine, rule)),
            Mishap::Pause(who, span) => {
                self.with_named(who, |inner, machine| inner.pause(machine, *span, rule));
            }
            Mishap::Kill(who, process) => {
                self.with_named(who, |inner, machine| inner.kill(machine, *process, rule));
            }
        }
    }

    fn with_named(&mut self, who: &str, does: impl FnOnce(&mut Self, usize)) {
        if let Some(machine) = self.number(who) {
            does(self, machine);
        }
    }

    fn cut_named(&mut self, from: &str, to: &str, rule: &str) {
        if let (Some(from), Some(to)) = (self.number(from), self.number(to)) {
            self.cut(from, to, rule);
        }
    }

    /// Writes an incident down, and lets follow what hangs on it.
    pub(crate) fn record_incident(&mut self, machine: usize, incident: Incident, rule: &str) {
        let event = self.incident(machine, incident, rule);
        self.log.record(machine, self.now, event.clone());
        if self.machines[machine].is_watched {
            self.notice(machine, &event);
        }
    }

    pub(crate) fn incident(&self, machine: usize, incident: Incident, rule: &str) -> Event {
        let what = What::Incident { incident, rule: rule.to_owned() };
        Event { number: 0, cause: None, at: self.own_now(machine), what }
    }

    /// The machine stops without a word. What is on its way to it is not touched.
    pub(crate) fn crash(&mut self, machine: usize, rule: &str) {
        if self.machines[machine].kernel.is_none() {
            return;
        }
        // It takes with it whom a kill was waiting for: ids are given again in the next boot.
        self.kills.retain(|(whose, ..)| *whose != machine);
        self.threads.doom(|thread| thread.machine == machine);
        #[cfg(feature = "coverage")]
        if let Some(kernel) = &self.machines[machine].kernel {
            self.coverage.add(kernel.coverage());
        }
        let outside = self.machines[machine].stop();
        for flight in outside {
            self.lose(flight, rule);
        }
        self.record_incident(machine, Incident::Crashed, rule);
    }

    /// The machine boots, and its programs start.
    pub(crate) fn restart(&mut self, number: usize, rule: &str) {
        self.crash(number, rule);
        let machine = &mut self.machines[number];
        // It may have been restarted by what hangs on its crash.
        if machine.kernel.is_some() {
            return;
        }
        machine.boot(self.now);
        let epoch = machine.epoch;
        self.record_incident(number, Incident::Booted { epoch }, rule);
        for program in 0..self.machines[number].programs.len() {
            // One whose id is taken by another was refused when it was installed.
            let _ = self.start(number, program);
        }
    }

    /// A program of a machine that has just booted starts, now or when it is to.
    pub(crate) fn start(&mut self, number: usize, place: usize) -> Result<(), SpawnError> {
        let machine = &self.machines[number];
        let Installed { after, options, program } = machine.programs[place].clone();
        if after.is_zero() {
            return self.spawn(number, options, move |me| program(me));
        }
        let (machine, program, boots) = (number as u32, place as u32, machine.boots);
        self.agenda.push(self.now + after, Happening::Start { machine, program, boots });
        Ok(())
    }

    /// A program starts late, if its machine has not crashed meanwhile.
    pub(crate) fn start_late(&mut self, number: usize, place: usize, boots: u64) {
        let machine = &self.machines[number];
        if machine.kernel.is_some() && machine.boots == boots {
            let Installed { options, program, .. } = machine.programs[place].clone();
            // Its id may be another's by now: then it does not come to be.
            let _ = self.spawn(number, options, move |me| program(me));
        }
    }

    /// One process is gone; its kernel lives and says so to those who ask.
    pub(crate) fn kill(&mut self, machine: usize, process: LocalId, rule: &str) {
        self.kills.push_back((machine, process, rule.to_owned()));
        self.do_kills();
    }

    /// Does the kills that are due, once no input is being applied.
    pub(crate) fn do_kills(&mut self) {
        if self.is_applying() {
            return;
        }
        while let Some((machine, process, rule)) = self.kills.pop_front() {
            let lives = |kernel: &sendrec_core::Kernel| kernel.processes().any(|other| other == process);
            if self.machines[machine].kernel.as_ref().is_some_and(lives) {
                self.threads.doom(|thread| thread.machine == machine && thread.process == process);
                let threads = &self.threads;
                self.machines[machine].frozen.retain(|thread| threads.life(*thread) == Life::Alive);
                self.record_incident(machine, Incident::Killed { process }, &rule);
                self.exit(machine, process);
            }
        }
    }

    /// The machine does nothing for so long. Its clock runs on.
    pub(crate) fn pause(&mut self, number: usize, span: Duration, rule: &str) {
        let machine = &mut self.machines[number];
        let until = self.now + span;
        if machine.kernel.is_none() || machine.paused_until.is_some_and(|paused| paused >= until) {
            return;
        }
        machine.paused_until = Some(until);
        self.agenda.push(until, Happening::Resume { machine: number as u32 });
        self.record_incident(number, Incident::Paused, rule);
        rule.clone_into(&mut self.machines[number].pause_rule);
    }

    /// A pause is over: the one that was to end at `due`, or any.
    pub(crate) fn resume_machine(&mut self, number: usize, due: Option<Instant>) {
        let machine = &mut self.machines[number];
        if machine.paused_until.is_none() || (due.is_some() && machine.paused_until != due) {
            return;
        }
        machine.paused_until = None;
        self.threads.thaw(&mut machine.frozen);
        let outside = std::mem::take(&mut machine.outside);
        let rule = std::mem::take(&mut machine.pause_rule);
        self.record_incident(number, Incident::Resumed, &rule);
        for flight in outside {
            self.land(flight);
        }
        self.rearm(number);
    }

    /// Nothing goes from here to there any more.
    pub(crate) fn cut(&mut self, from: usize, to: usize, rule: &str) {
        if from != to && self.network.cuts.insert((from, to), rule.to_owned()).is_none() {
            let to = self.machines[to].address;
            self.record_incident(from, Incident::Cut { to }, rule);
        }
    }

    /// All cuts are over.
    pub(crate) fn heal(&mut self, rule: &str) {
        for (from, to) in std::mem::take(&mut self.network.cuts).into_keys() {
            let to = self.machines[to].address;
            self.record_incident(from, Incident::Healed { to }, rule);
        }
    }
}
