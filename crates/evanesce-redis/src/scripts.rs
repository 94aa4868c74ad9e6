//! What has to happen in one step, as Lua that runs inside the server. The offsets are
//! those of `record.rs`; numbers of 8 bytes are compared as bytes.

use redis::Script;

/// Whether it was written, as every conditional script answers.
pub(crate) const APPLIED: i64 = 0;
pub(crate) const CONFLICT: i64 = 1;

pub(crate) struct Scripts {
    pub(crate) insert: Script,
    pub(crate) replace: Script,
    pub(crate) rename: Script,
    pub(crate) take: Script,
    pub(crate) begin: Script,
    pub(crate) sweep: Script,
    pub(crate) oldest: Script,
    pub(crate) acquire: Script,
    pub(crate) release: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        let with_prelude = |body: &str| Script::new(&[PRELUDE, body].concat());
        Self {
            insert: with_prelude(INSERT),
            replace: with_prelude(REPLACE),
            rename: with_prelude(RENAME),
            take: Script::new(TAKE),
            begin: with_prelude(BEGIN),
            sweep: with_prelude(SWEEP),
            oldest: with_prelude(OLDEST),
            acquire: Script::new(ACQUIRE),
            release: Script::new(RELEASE),
        }
    }
}

const PRELUDE: &str = r"
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
-- What is left until an expiry, and a day at most whatever was asked for.
local function left(expiry)
  return math.min(tonumber(expiry) - now(), 86400000)
end
local function stands(record, current, draining)
  local epoch = string.sub(record, 10, 17)
  for _, standing in ipairs(redis.call('MGET', current, draining)) do
    if standing and string.sub(standing, 1, 8) == epoch then return true end
  end
  return false
end
local function number(bytes)
  local value = 0
  for at = 1, #bytes do value = value * 256 + string.byte(bytes, at) end
  return value
end
";

// KEYS: session, current, draining, newest. ARGV: record, expiry, and how long an epoch
// and its number outlive the last opening. The epoch outlives each record opened under it.
const INSERT: &str = r"
local ms = left(ARGV[2])
if ms <= 0 or not stands(ARGV[1], KEYS[2], KEYS[3]) then return 2 end
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ms) then return 1 end
local lives = redis.call('PTTL', KEYS[2])
if lives >= 0 and lives < tonumber(ARGV[3]) - 86400000 then
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
  redis.call('PEXPIRE', KEYS[4], ARGV[4])
end
return 0
";

// KEYS: session, current, draining. ARGV: record, expiry, version.
const REPLACE: &str = r"
local version = redis.call('GETRANGE', KEYS[1], 1, 8)
if version == '' then return 2 end
if version ~= ARGV[3] then return 1 end
local ms = left(ARGV[2])
if ms <= 0 or not stands(ARGV[1], KEYS[2], KEYS[3]) then return 2 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ms)
return 0
";

// KEYS: from, current, draining, to. ARGV: record, expiry, version.
const RENAME: &str = r"
local version = redis.call('GETRANGE', KEYS[1], 1, 8)
if version == '' then return 2 end
if version ~= ARGV[3] then return 1 end
local ms = left(ARGV[2])
if ms <= 0 or not stands(ARGV[1], KEYS[2], KEYS[3]) then return 2 end
if not redis.call('SET', KEYS[4], ARGV[1], 'NX', 'PX', ms) then return 1 end
redis.call('DEL', KEYS[1])
return 0
";

// KEYS: session, current, draining, newest.
const TAKE: &str = r"
local found = redis.call('MGET', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
redis.call('DEL', KEYS[1])
return found
";

// KEYS: current, draining, newest. ARGV: epoch, drain, the newest number that was read,
// and how long the epoch and its number live.
const BEGIN: &str = r"
local newest = redis.call('GET', KEYS[3]) or string.rep('\0', 8)
if newest ~= ARGV[3] then return 1 end
local ms = left(ARGV[2])
local current = redis.call('GET', KEYS[1])
if current and ms > 0 then
  redis.call('SET', KEYS[2], current, 'PX', ms)
else
  redis.call('DEL', KEYS[2])
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[4])
redis.call('SET', KEYS[3], string.sub(ARGV[1], 1, 8), 'PX', ARGV[5])
return 0
";

// KEYS: sessions. ARGV: the most that may be removed. What was renewed since the scan
// has its expiry again here, and stays.
const SWEEP: &str = r"
local expired, without, overdue, time = 0, 0, 0, now()
for _, key in ipairs(KEYS) do
  if expired + without >= tonumber(ARGV[1]) then break end
  local lives = redis.call('PTTL', key)
  if lives == -1 then
    without = without + redis.call('UNLINK', key)
  elseif lives >= 0 then
    local late = time - number(redis.call('GETRANGE', key, 25, 32))
    if late > 0 then
      expired = expired + redis.call('UNLINK', key)
      overdue = math.max(overdue, late)
    end
  end
end
return {expired, without, overdue}
";

// KEYS: sessions. Says how old the oldest of them is, or -1.
const OLDEST: &str = r"
local age, time = -1, now()
for _, key in ipairs(KEYS) do
  local opened = redis.call('GETRANGE', key, 17, 24)
  if #opened == 8 then age = math.max(age, time - number(opened), 0) end
end
return age
";

// KEYS: lease, last fence. ARGV: duration.
const ACQUIRE: &str = r"
if redis.call('EXISTS', KEYS[1]) == 1 then return -1 end
local fence = redis.call('INCR', KEYS[2])
redis.call('SET', KEYS[1], fence, 'PX', ARGV[1])
return fence
";

// KEYS: lease. ARGV: fence.
const RELEASE: &str = r"
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 0
";
