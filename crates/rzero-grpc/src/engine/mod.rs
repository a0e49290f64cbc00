//! What the two sides of the engine share: the task of a connection and what talks to it.
//!
//! One task owns a connection: its socket and its [`rzero_http2::Connection`]. It reads, feeds the
//! core, runs what became ready and writes. Everybody else talks to it through a [`Mailbox`], so
//! that no lock is held while bytes are parsed, a handler runs or a message is decoded. The calls
//! that stream share a [`Cell`] with it.

mod budget;
mod cell;
mod intake;
mod keepalive;
mod link;
mod mailbox;
mod outbox;
mod outgoing;
mod scratch;
mod shelter;

pub(crate) use budget::{Budget, Room};
pub(crate) use cell::{Cell, Poured, Rules, Side, Touch, check_send};
pub(crate) use intake::Intake;
pub(crate) use keepalive::{Keepalive, Life};
pub(crate) use link::{Io, Link};
pub(crate) use mailbox::Mailbox;
pub(crate) use outgoing::Outgoing;
pub(crate) use scratch::Scratch;
pub(crate) use shelter::{report_fault, sheltered};
