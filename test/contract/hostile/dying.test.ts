/** Servers that go away in the middle of a run, or misbehave once something was made on them. */
import { expect, it } from 'vitest'
import { STUB_CREDENTIALS } from '../stubHandlers.ts'
import { createClock, examine, type Clock } from './examine.ts'
import { sayJson, sendForEver, startHostile, type Call, type Conduct } from './hostileServer.ts'

const OWNER = ['--write', '--account-has-records', '--identifier', STUB_CREDENTIALS.identifier]
const env = { CONTRACT_PASSWORD: STUB_CREDENTIALS.password }
const CREATE = 'com.atproto.repo.createRecord'
const REMOVALS = ['com.atproto.repo.deleteRecord', 'com.atproto.server.deleteSession']

/** Hostile from the moment in which a record was made; to what removes something, in a way of its own. */
const afterRecord = (
  conduct: (call: Call) => void,
  toRemovals: (call: Call) => 'honest' | void = () => 'honest',
): Conduct => {
  let isMade = false
  return (call) => {
    if (isMade) {
      if (REMOVALS.includes(call.id)) return toRemovals(call)
      return conduct(call)
    }
    call.answer.on('finish', () => {
      if (call.id === CREATE && call.answer.statusCode === 200) isMade = true
    })
    return 'honest'
  }
}

it.each([20, 200, 600])('dies after %i requests: the run ends, and says what may be left', async (count) => {
  await using server = await startHostile((call) => {
    if (call.before < count) return 'honest'
    server.die()
  })
  const { code, stdout } = await examine([server.url, ...OWNER], { env })
  expect(code).toBe(1)
  expect(stdout).toMatch(
    /Ended early\n {2}[\w-]+: the server answers nothing any more: no answer: fetch failed/,
  )
  expect(stdout).toMatch(/Left on the server\n {2}the .*session: no answer/)
  expect(stdout).toContain('Not tried to its end: see above.')
  expect(server.asked.length).toBeLessThan(count + 40)
})

const HOSTILE: readonly (readonly [string, (call: Call, clock: Clock) => void])[] = [
  ['lets everything wait', (_, clock) => clock.letWait()],
  ['resets every connection', ({ socket }) => void socket.resetAndDestroy()],
  ['fails', (call) => sayJson(call, '{"error":"InternalServerError"}', { status: 500 })],
  ['answers 429', (call) => sayJson(call, '{"error":"RateLimitExceeded"}', { status: 429 })],
  [
    'sends bodies without an end',
    ({ answer }) => {
      answer.writeHead(200, { 'content-type': 'application/json' })
      sendForEver(answer, Buffer.alloc(1 << 16, ' '))
    },
  ],
]

it.each(HOSTILE)('%s once a record was made: what was made is removed', async (_, conduct) => {
  const clock = createClock()
  await using server = await startHostile(afterRecord((call) => conduct(call, clock)))
  const { code, stdout } = await examine([server.url, ...OWNER, '--only', 'com.atproto.repo'], { env, clock })
  expect([1, 3]).toContain(code)
  expect(stdout).toMatch(/Made and removed again\n(?: {2}.*\n)* {2}the record at:/)
  expect(stdout).toMatch(/Made and removed again\n(?: {2}.*\n)* {2}the session\n/)
  expect(stdout).not.toContain('Left on the server')
})

it.each(HOSTILE)('%s to removals, too: what is left is said, in bounded time', async (_, conduct) => {
  const clock = createClock()
  const hostile = (call: Call): void => conduct(call, clock)
  await using server = await startHostile(afterRecord(hostile, hostile))
  const startedAt = clock.now()
  const { code, stdout } = await examine([server.url, ...OWNER, '--only', 'com.atproto.repo'], { env, clock })
  expect([1, 3]).toContain(code)
  expect(stdout).toMatch(/Left on the server\n(?: {2}.*\n)* {2}the record at:/)
  expect(stdout).toMatch(/Left on the server\n(?: {2}.*\n)* {2}the session: /)
  expect(clock.now() - startedAt).toBeLessThan(20 * 60_000)
})
