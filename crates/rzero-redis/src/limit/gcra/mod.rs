//! The generic cell rate algorithm as a script: [`rzero_resilience::limit::gcra`] on the server.
//!
//! The state of a key is one number, its theoretical arrival time in microseconds of the server's
//! clock. One script decides on several keys at once, all or none. It has two rules of its own:
//!
//! - A time that lies further ahead than the whole burst was written before the clock went back, or
//!   before the burst was lowered. It counts as a burst used up right now: nobody wins anything by
//!   it, and nobody is locked out until the clock has caught up.
//! - A key lives as long as it matters, and at least 1 ms.
//!
//! Numbers of Lua are exact up to 2^53: until the year 2255 in microseconds, with what a rule may
//! have in debt (100 years, which rules are checked for).

use std::time::Duration;

use rzero_resilience::limit::Gcra;
use rzero_resilience::limit::gcra::Decision;

/// Decides at `now`. Arguments: how many are asked for, then interval and tolerance of each key.
/// Answers for each key: allowed, remaining, retry after (-1: never), reset after.
const DECIDE: &str = r"
local function decide(now, keys, args)
  local n = tonumber(args[1])
  local states, allowed = {}, true
  for i, key in ipairs(keys) do
    local s = { interval = tonumber(args[2 * i]), tolerance = tonumber(args[2 * i + 1]) }
    s.top = now + s.tolerance
    s.stored = tonumber(redis.call('GET', key) or 0)
    s.base = math.min(math.max(s.stored, now), s.top)
    s.cost = s.interval * n
    s.fits = s.base + s.cost <= s.top
    allowed = allowed and s.fits
    states[i] = s
  end
  local answer = {}
  for i, key in ipairs(keys) do
    local s = states[i]
    local tat = s.base
    if allowed then tat = tat + s.cost end
    if allowed or s.stored > s.top then
      local ttl = math.max(1, math.ceil((tat - now) / 1000))
      redis.call('SET', key, string.format('%.0f', tat), 'PX', string.format('%.0f', ttl))
    end
    local retry = 0
    if not s.fits then
      retry = s.base + s.cost - s.top
      if s.cost > s.tolerance then retry = -1 end
    end
    answer[#answer + 1] = s.fits and 1 or 0
    answer[#answer + 1] = math.floor((s.top - tat) / s.interval)
    answer[#answer + 1] = retry
    answer[#answer + 1] = tat - now
  end
  return answer
end
";

/// The server's clock says when now is.
const NOW: &str = r"
local t = redis.call('TIME')
return decide(t[1] * 1000000 + t[2], KEYS, ARGV)
";

/// Numbers in the answer for each key.
const WIDTH: usize = 4;

pub(super) fn script() -> String {
    format!("{DECIDE}{NOW}")
}

/// A rule in microseconds.
pub(super) fn terms(rate: u32, period: Duration, burst: u32) -> Gcra {
    let period = u64::try_from(period.as_micros()).unwrap_or(u64::MAX);
    Gcra::with_ticks(rate.into(), period, burst.into())
}

/// The arguments for `n` of each of `terms`.
pub(super) fn args(n: u32, terms: impl Iterator<Item = Gcra>) -> Vec<u64> {
    let pairs = terms.flat_map(|gcra| [gcra.interval(), gcra.tolerance()]);
    std::iter::once(u64::from(n)).chain(pairs).collect()
}

/// What an answer says of each key; `None` when it is not one.
pub(super) fn decisions(answer: &[i64]) -> Option<Vec<Decision>> {
    let (each, []) = answer.as_chunks::<WIDTH>() else {
        return None;
    };
    each.iter().map(decision).collect()
}

fn decision(&[allowed, remaining, retry, reset]: &[i64; WIDTH]) -> Option<Decision> {
    let micros = |micros: i64| u64::try_from(micros).ok().map(Duration::from_micros);
    Some(Decision {
        allowed: allowed == 1,
        remaining: u64::try_from(remaining).ok()?,
        retry_after: match retry {
            -1 => Duration::MAX,
            retry => micros(retry)?,
        },
        reset_after: micros(reset)?,
    })
}

#[cfg(test)]
mod tests;
