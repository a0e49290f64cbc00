//! Requests to etcd, each bounded in time and size.

use etcd_client::{GetOptions, GetResponse, KvClient, LeaseGrantOptions, PutOptions, Txn, TxnOp};
use rzero_registry::ServiceName;

use crate::config::Settings;
use crate::failure::{Failure, answered};
use crate::layout::{Keys, Side};
use crate::link::Link;
use crate::view::View;

/// Keys for each request of a long list.
const PAGE: i64 = 500;
/// Largest answer that is taken: a page of the largest instances.
const ANSWER_BYTES_MAX: usize = 128 * 1024 * 1024;
/// More doubtful slots than this are not read one by one.
const SINGLE_READS_MAX: usize = 16;

/// A link, and how long to wait on it.
pub(crate) struct Store<'a> {
    pub(crate) link: &'a mut Link,
    pub(crate) settings: &'a Settings,
}

/// The store's identity and revision at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) cluster: u64,
    pub(crate) revision: i64,
}

impl Moment {
    /// The moment of an answer.
    pub(crate) fn of(answer: &GetResponse) -> Result<Self, Failure> {
        let header = answer.header().ok_or_else(Self::missing)?;
        Ok(Self {
            cluster: header.cluster_id(),
            revision: header.revision(),
        })
    }

    /// Whether a store that was seen at this moment has lost its data, or was replaced by another,
    /// when it answers at `later`.
    pub(crate) fn was_lost_by(self, later: Self) -> bool {
        self.cluster != later.cluster || self.revision > later.revision
    }

    fn missing() -> Failure {
        Failure::Away("an answer has no header".to_owned())
    }
}

impl Store<'_> {
    /// A new lease.
    pub(crate) async fn grant(&mut self) -> Result<i64, Failure> {
        let seconds = self.settings.lease_seconds;
        let options = Some(LeaseGrantOptions::new());
        let granted = self.link.client.lease_grant(seconds, options);
        let granted = answered(
            self.settings.request_timeout,
            "a request for a lease",
            granted,
        );
        Ok(granted.await?.id())
    }

    /// Renews a lease.
    pub(crate) async fn renew(&mut self, lease: i64) -> Result<(), Failure> {
        let renewed = async {
            match self.link.client.lease_keep_alive(lease).await {
                // The client's own word for a lease that etcd does not know.
                Err(etcd_client::Error::LeaseKeepAliveError(_)) => Ok(Err(Failure::LeaseLost)),
                Ok(_) => Ok(Ok(())),
                Err(error) => Err(error),
            }
        };
        answered(
            self.settings.renewal_timeout(),
            "the renewal of a lease",
            renewed,
        )
        .await?
    }

    /// Writes both keys of a slot at once, the address only if there is one. Gives back the
    /// revision.
    pub(crate) async fn write(
        &mut self,
        keys: &Keys,
        lease: i64,
        meta: Vec<u8>,
        address: Option<String>,
    ) -> Result<i64, Failure> {
        let options = || Some(PutOptions::new().with_lease(lease));
        let meta = TxnOp::put(keys.metadata(lease), meta, options());
        let address = match address {
            Some(address) => TxnOp::put(keys.address(lease), address, options()),
            None => TxnOp::delete(keys.address(lease), None),
        };
        let written = self.link.client.txn(Txn::new().and_then([meta, address]));
        let written = answered(self.settings.request_timeout, "a write", written).await?;
        Ok(written.header().map_or(0, |header| header.revision()))
    }

    /// Everything that is registered for a service, at one revision: the one given, or the present.
    pub(crate) async fn load(
        &mut self,
        service: &ServiceName,
        keys: &Keys,
        revision: Option<i64>,
    ) -> Result<(View, Moment), Failure> {
        let mut view = View::new(service.clone());
        // The first page says at which revision the others are read.
        let moment = self.read(keys, Side::Metadata, revision, &mut view).await?;
        let revision = revision.or(Some(moment.revision));
        self.read(keys, Side::Address, revision, &mut view).await?;
        view.settle();
        Ok((view, moment))
    }

    /// Reads both keys of what is doubtful in a view, as they were at `revision`.
    pub(crate) async fn resolve(
        &mut self,
        service: &ServiceName,
        keys: &Keys,
        view: &mut View,
        revision: i64,
    ) -> Result<(), Failure> {
        let slots: Vec<String> = view.doubtful().map(str::to_owned).collect();
        if slots.len() > SINGLE_READS_MAX {
            (*view, _) = self.load(service, keys, Some(revision)).await?;
            return Ok(());
        }
        for slot in &slots {
            for side in [Side::Metadata, Side::Address] {
                let key = format!("{}{slot}", keys.begin(side));
                let options = GetOptions::new().with_revision(revision);
                let answer = self.get(key.into_bytes(), options).await?;
                let kv = answer.kvs().first();
                let found = kv.map_or(revision, etcd_client::KeyValue::mod_revision);
                view.apply(side, slot, kv.map(|kv| kv.value()), found);
            }
        }
        view.settle();
        Ok(())
    }

    /// Shows the keys that begin with `begin` with the lease of each, page by page. Says whether
    /// that was all: after `limit` keys no further page is read.
    pub(crate) async fn names(
        &mut self,
        begin: &str,
        limit: usize,
        mut show: impl FnMut(&[u8], i64),
    ) -> Result<bool, Failure> {
        let mut page = Page::first(begin);
        let mut revision = None;
        let mut shown = 0;
        while let Some((key, options)) = page.request(revision) {
            if shown >= limit {
                return Ok(false);
            }
            let answer = self.get(key, options.with_keys_only()).await?;
            revision = revision.or_else(|| Some(answer.header()?.revision()));
            for kv in answer.kvs() {
                show(kv.key(), kv.lease());
            }
            shown += answer.kvs().len();
            page.turn(&answer);
        }
        Ok(true)
    }

    /// Reads one side into a view, page by page, all at one revision.
    async fn read(
        &mut self,
        keys: &Keys,
        side: Side,
        revision: Option<i64>,
        view: &mut View,
    ) -> Result<Moment, Failure> {
        let begin = keys.begin(side);
        let mut page = Page::first(begin);
        let mut moment: Option<Moment> = None;
        while let Some((key, options)) = page.request(revision.or(moment.map(|m| m.revision))) {
            let answer = self.get(key, options).await?;
            for kv in answer.kvs() {
                if let Some(slot) = Keys::slot(begin, kv.key()) {
                    view.apply(side, slot, Some(kv.value()), kv.mod_revision());
                }
            }
            page.turn(&answer);
            if moment.is_none() {
                moment = Some(Moment::of(&answer)?);
            }
        }
        moment.ok_or_else(Moment::missing)
    }

    /// Reads keys.
    pub(crate) async fn get(
        &mut self,
        key: Vec<u8>,
        options: GetOptions,
    ) -> Result<GetResponse, Failure> {
        let mut client: KvClient = self.link.client.kv_client();
        client = client.max_decoding_message_size(ANSWER_BYTES_MAX);
        let answer = client.get(key, Some(options));
        answered(self.settings.request_timeout, "a read", answer).await
    }
}

/// Walks through the keys with a common beginning.
struct Page {
    /// Where the next page begins; `None` after the last.
    next: Option<Vec<u8>>,
    end: Vec<u8>,
}

impl Page {
    fn first(begin: &str) -> Self {
        let begin = begin.as_bytes();
        // No key is empty; etcd's name for the first one is a zero.
        let first = if begin.is_empty() { &[0] } else { begin };
        Self {
            next: Some(first.to_vec()),
            end: range_end(begin),
        }
    }

    fn request(&self, revision: Option<i64>) -> Option<(Vec<u8>, GetOptions)> {
        let options = GetOptions::new()
            .with_range(self.end.clone())
            .with_limit(PAGE);
        let options = match revision {
            Some(revision) => options.with_revision(revision),
            None => options,
        };
        Some((self.next.clone()?, options))
    }

    fn turn(&mut self, answer: &GetResponse) {
        let last = answer.kvs().last().filter(|_| answer.more());
        // The smallest key after the last one.
        self.next = last.map(|kv| [kv.key(), &[0]].concat());
    }
}

/// The first key after all that begin with `begin`.
fn range_end(begin: &[u8]) -> Vec<u8> {
    let mut end = begin.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    vec![0] // etcd's word for "to the last key"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_ends_after_everything_that_begins_alike() {
        assert_eq!(range_end(b"a/"), b"a0");
        assert_eq!(range_end(b"a\xff"), b"b");
        assert_eq!(range_end(b""), b"\0");
    }
}
