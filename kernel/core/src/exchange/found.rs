//! LOCATE and HERE (slide 16), as packets: how one asks everyone, and how one answers.
//!
//! Deliberately not here: what is remembered of places, which is `locate`'s business.
use bytes::Bytes;

use super::{Exchange, Port};
use crate::ids::{Address, Epoch, LocalId, Machine, Nonce, PacketNumber, Path, Sequence, SparseId};
use crate::trace::Fate;
use crate::wire::{Flags, Fragment, Header, Kind, View};

impl Exchange {
    /// Asks everyone who has this sparse id.
    pub(crate) fn broadcast_locate(&mut self, sparse: SparseId, nonce: Nonce, port: &mut Port<'_>) {
        let header = Header {
            kind: Kind::Locate { sparse, nonce },
            flags: Flags::NONE,
            source_epoch: self.epoch,
            destination_epoch: Epoch::BLANK,
            number: PacketNumber(0),
            source: LocalId::KERNEL,
            destination: LocalId::KERNEL,
            sequence: Sequence::NONE,
            floor: Sequence::NONE,
            answered: 0,
            elapsed_us: 0,
            fragment: Fragment::default(),
        };
        self.emit(Path::to(Machine::EVERYONE), header, Bytes::new(), port);
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
        let peer = match self.admit_sender(path, &header, port) {
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
        let header = *view.header();
        let toward = self.peers.find(path.remote).map_or(self.epoch, |peer| self.epoch_toward(peer));
        if header.destination_epoch != self.epoch && header.destination_epoch != toward {
            return Err(Fate::OtherIncarnation);
        }
        self.admit_sender(path, &header, port)?;
        Ok(Address::new(path.remote, header.source))
    }
}
