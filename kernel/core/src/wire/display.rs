//! A line for each packet, as a person reads it: `REQ #12 3->1 seq 5 floor 5 age 0us 64B`.
use core::fmt;

use super::packet::{AuReason, Flags, Header, IaaStatus, Kind, Packet, PacketType, Report, TaReason};

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for IaaStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Queued => "queued",
            Self::Executing => "executing",
        })
    }
}

impl fmt::Display for AuReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoProcess => "no such process",
            Self::DiedQueued => "process ended, request not run",
            Self::DiedExecuting => "process ended while running it",
            Self::UnknownRequest => "unknown request",
            Self::Discarded => "reply discarded",
            Self::StaleEpoch => "stale epoch",
            Self::OldSender => "sender's epoch is old",
        })
    }
}

impl fmt::Display for TaReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MailboxFull => "mailbox full",
            Self::WindowFull => "window full",
            Self::KernelFull => "kernel full",
        })
    }
}

impl fmt::Display for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.packet_type(), self.number)?;
        write!(f, " {}->{}", self.source, self.destination)?;
        if self.sequence.0 != 0 {
            write!(f, " seq {}", self.sequence)?;
        }
        write!(f, " epoch {}->{}", self.source_epoch, self.destination_epoch)?;
        if self.floor.0 != 0 {
            write!(f, " floor {}", self.floor)?;
        }
        if self.answered != 0 {
            write!(f, " answered {:#b}", self.answered)?;
        }
        self.fmt_kind(f)?;
        let names = [
            (Flags::FROM_SERVER, "of-request"),
            (Flags::ONE_WAY, "one-way"),
            (Flags::AT_LEAST_ONCE, "at-least-once"),
            (Flags::ACK_EACH, "ack-each"),
            (Flags::REPLY_ACKS, "reply-acks"),
            (Flags::AGAIN, "again"),
            (Flags::CACHED, "from-cache"),
            (Flags::CHECKSUM, "checksum"),
            (Flags::THIS_INCARNATION, "this-incarnation"),
            (Flags::REPORT, "report"),
        ];
        for (flag, name) in names {
            if self.flags.has(flag) {
                write!(f, " {name}")?;
            }
        }
        Ok(())
    }
}

impl Header {
    fn fmt_kind(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elapsed = self.elapsed_us;
        match &self.kind {
            Kind::Req => write!(f, " age {elapsed}us"),
            Kind::Rep => write!(f, " held {elapsed}us"),
            Kind::Ack if self.flags.has(Flags::FROM_SERVER) => write!(f, " held {elapsed}us"),
            Kind::Ack => Ok(()),
            Kind::Report(report) => {
                let Report { newest, transfer, base, from, to, window } = report;
                write!(
                    f,
                    " transfer {transfer} newest {newest} base {base} lists {from}..{to} window {window}"
                )
            }
            Kind::Aya { nonce } => write!(f, " nonce {:016x} age {elapsed}us", nonce.0),
            Kind::Iaa { status, nonce, uptime_us } => {
                write!(f, " {status} nonce {:016x} up {uptime_us}us", nonce.0)
            }
            Kind::Ta { refused, wait_us, reason } => {
                write!(f, " refuses {refused} wait {wait_us}us ({reason})")
            }
            Kind::Au { reason, refused, known, uptime_us, nonce } => {
                write!(
                    f,
                    " refuses {refused} ({reason}) known {known} up {uptime_us}us nonce {:016x}",
                    nonce.0
                )
            }
            Kind::Locate { sparse, nonce } | Kind::Here { sparse, nonce } => {
                write!(f, " {sparse} nonce {:016x}", nonce.0)
            }
        }
    }
}

impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.header.fmt(f)?;
        match self.header.kind {
            Kind::Req | Kind::Rep => {
                let fragment = self.header.fragment;
                write!(f, " {}B", self.payload.len())?;
                if fragment.length as usize != self.payload.len() {
                    write!(f, " at {} of {} blast {}", fragment.offset, fragment.length, fragment.blast)?;
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
