//! LOCATE and HERE (slide 16), as packets: how one asks everyone, and how one answers.
//!
//! Deliberately not here: what is remembered of places, which is `locate`'s business.
use bytes::Bytes;

use super::peer::Judgement;
use super::{Exchange, Port};
use crate::ids::{Address, Epoch, LocalId, Machine, Nonce, PacketNumber, Path, Sequence, SparseId};
use crate::trace::{Fate, PacketNote, What};
use crate::wire::{AuReason, Flags, Fragment, Header, Kind, Packet, Transmit, View};

impl Exchange {
    /// Asks everyone who has this sparse id.
    pub(crate) fn broadcast_locate(&mut self, sparse: SparseId, nonce: Nonce, port: &mut Port<'_>) {
        self.last_number += 1;
        let header = Header {
            kind: Kind::Locate { sparse, nonce },
            flags: Flags::NONE.with_if(self.config.checksum, Flags::CHECKSUM),
            source_epoch: self.epoch,
            destination_epoch: Epoch::BLANK,
            number: PacketNumber(self.last_number),
            source: LocalId::KERNEL,
            destination: LocalId::KERNEL,
            sequence: Sequence::NONE,
            floor: Sequence::NONE,
            answered: 0,
            elapsed_us: 0,
            fragment: Fragment::default(),
        };
        let path = Path::to(Machine::EVERYONE);
        self.note_sent(&header);
        port.tracer
            .event(port.events, || What::Sent { to: path.remote, packet: PacketNote::new(&header, 0) });
        port.transmits.push(Transmit { path, packet: Packet { header, payload: Bytes::new() } });
    }

    /// LOCATE of a sparse id that process `local` of this machine has: HERE.
    pub(crate) fn handle_locate(
        &mut self,
        path: Path,
        view: &View<'_>,
        local: LocalId,
        port: &mut Port<'_>,
    ) -> Fate {
        let header = *view.header();
        let Kind::Locate { sparse, nonce } = header.kind else { return Fate::Unsupported };
        let peer = match self.admit_client(path, &header, port) {
            Ok(peer) => peer,
            Err(fate) => return fate,
        };
        let mut answer =
            self.header(peer, Kind::Here { sparse, nonce }, local, header.source, Sequence::NONE);
        answer.destination_epoch = header.source_epoch;
        self.transmit(peer, answer, Bytes::new(), port);
        Fate::Accepted
    }

    /// HERE that answers a search of ours: where the process is. Its nonce was told to everyone, so nothing of its
    /// machine's epoch is believed for it.
    pub(crate) fn handle_here(
        &mut self,
        path: Path,
        view: &View<'_>,
        port: &mut Port<'_>,
    ) -> Result<Address, Fate> {
        let header = view.header();
        if self.peers.find(path.remote).is_none() && !self.make_peer_room(port.now) {
            return Err(Fate::TableFull);
        }
        let peer = self.find_or_make_peer(path, port.now);
        if header.destination_epoch != self.epoch && header.destination_epoch != self.epoch_toward(peer) {
            return Err(Fate::OtherIncarnation);
        }
        match self.peers.get_mut(peer).judge(header.source_epoch) {
            Judgement::Current => self.learn_epoch(peer, header.source_epoch, port),
            Judgement::Candidate => self.challenge(peer, port),
            Judgement::Busy => return Err(Fate::Unproved),
            Judgement::Old => {
                self.transmit_unknown(peer, header, AuReason::OldSender, port);
                return Err(Fate::OldSender);
            }
        }
        self.peers.get_mut(peer).heard = port.now;
        Ok(Address::new(path.remote, header.source))
    }
}
