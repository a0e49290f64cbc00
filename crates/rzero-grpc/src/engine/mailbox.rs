//! What other tasks ask of the task that owns a connection.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};

/// Commands to a connection's task, taken in batches.
///
/// It holds at most a few commands for each call in flight, so that it needs no bound of its own:
/// the number of calls has one. The lock is held for as long as a push takes. Only the first
/// command of a batch wakes the task.
#[derive(Debug)]
pub(crate) struct Mailbox<C>(Mutex<Inner<C>>);

#[derive(Debug)]
struct Inner<C> {
    commands: Vec<C>,
    /// The task, while it waits.
    waiting: Option<Waker>,
    is_closed: bool,
}

impl<C> Mailbox<C> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Inner {
            commands: Vec::new(),
            waiting: None,
            is_closed: false,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Inner<C>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a command; gives it back when the connection is gone.
    pub(crate) fn send(&self, command: C) -> Result<(), C> {
        let waiting = {
            let mut inner = self.lock();
            if inner.is_closed {
                return Err(command);
            }
            inner.commands.push(command);
            inner.waiting.take()
        };
        if let Some(task) = waiting {
            task.wake();
        }
        Ok(())
    }

    /// Swaps what is there with `empty`; when there is nothing, the task of `cx` is woken by the
    /// next command.
    pub(crate) fn take(&self, empty: &mut Vec<C>, cx: &Context<'_>) {
        debug_assert!(empty.is_empty(), "commands that were not carried out");
        let mut inner = self.lock();
        if inner.commands.is_empty() {
            match &inner.waiting {
                Some(waker) if waker.will_wake(cx.waker()) => {}
                _ => inner.waiting = Some(cx.waker().clone()),
            }
        } else {
            mem::swap(&mut inner.commands, empty);
        }
    }

    /// Takes no more commands, and gives those that nobody will carry out.
    pub(crate) fn close(&self) -> Vec<C> {
        let mut inner = self.lock();
        inner.is_closed = true;
        inner.waiting = None;
        mem::take(&mut inner.commands)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn only_the_first_command_of_a_batch_wakes() {
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = Context::from_waker(&waker);
        let mailbox = Mailbox::new();
        let mut batch = Vec::new();
        mailbox.take(&mut batch, &cx);
        for n in 0..3 {
            mailbox.send(n).unwrap();
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        mailbox.take(&mut batch, &cx);
        assert_eq!(batch, [0, 1, 2]);
    }

    #[test]
    fn closed_mailbox_gives_commands_back() {
        let mailbox = Mailbox::new();
        mailbox.send(1).unwrap();
        assert_eq!(mailbox.close(), [1]);
        assert_eq!(mailbox.send(2), Err(2));
    }
}
