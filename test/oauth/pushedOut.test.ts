import { expect, it } from 'vitest'
import { MAX_PENDING, MAX_PENDING_OF_NETWORK, pushedOut } from '../../src/account/oauth/requests/pushedOut.ts'

type Pending = Parameters<typeof pushedOut>[0][number]

const OWNER: Pending = { id: 'owner', network: '192.0.2.1', isOpened: false }

/** What is left after a flood of requests, each from the next of these networks, with the owner's among the first. */
const flood = (
  count: number,
  networkOf: (n: number) => string,
  owner: Pending = OWNER,
): readonly Pending[] => {
  let pending: Pending[] = [{ id: 'early', network: networkOf(0), isOpened: false }, owner]
  for (let n = 0; n < count; n++) {
    const network = networkOf(n)
    const out = pushedOut(pending, network)
    pending = [...pending.filter(({ id }) => id !== out), { id: `${n}`, network, isOpened: false }]
    expect(pending.length).toBeLessThanOrEqual(MAX_PENDING)
  }
  return pending
}

it.each<[string, (n: number) => string]>([
  ['one network', () => '203.0.113.5'],
  ['the addresses of one block', (n) => `203.0.113.${n % 256}`],
  ['the blocks of one region', (n) => `203.0.${n % 256}.${n % 251}`],
  ['the networks of one IPv6 holder', (n) => `2001:db8:${(n % 4096).toString(16)}:${n % 7}::/64`],
  ['the blocks of forty regions', (n) => `100.${n % 40}.${n % 256}.${n % 251}`],
])('a flood from %s leaves the request of the owner', (_, networkOf) => {
  expect(flood(3000, networkOf)).toContain(OWNER)
})

it('a network has its share, and pushes out its own oldest request beyond it', () => {
  const pending = flood(1000, () => '203.0.113.5')
  expect(pending.filter(({ network }) => network === '203.0.113.5')).toHaveLength(MAX_PENDING_OF_NETWORK)
  expect(pending.at(-1)?.id).toBe('999')
})

it('a request from a network that has none gets in when all places are taken', () => {
  const pending = flood(3000, (n) => `100.${n % 40}.${n % 256}.${n % 251}`)
  expect(pending).toHaveLength(MAX_PENDING)
  const out = pushedOut(pending, '198.51.100.1')
  expect(pending.find(({ id }) => id === out)?.network).toMatch(/^100\./)
})

it('nothing goes while there is room', () => {
  expect(pushedOut([OWNER], '203.0.113.5')).toBeUndefined()
})

it('a flood from the network of the owner’s own app leaves what the owner has opened', () => {
  const opened = { ...OWNER, isOpened: true }
  expect(flood(1000, () => '192.0.2.1')).not.toContain(OWNER)
  expect(flood(1000, () => '192.0.2.1', opened)).toContain(opened)
})

it('a flood from as many regions as there are places leaves what the owner has opened', () => {
  const opened = { ...OWNER, isOpened: true }
  const apart = (n: number) => `${n % 200}.${n % 251}.0.1`
  expect(flood(3000, apart, opened)).toContain(opened)
})

it('where the owner has opened everything, the oldest goes', () => {
  const pending = Array.from({ length: MAX_PENDING_OF_NETWORK }, (_, n) => ({
    ...OWNER,
    id: `${n}`,
    isOpened: true,
  }))
  expect(pushedOut(pending, OWNER.network)).toBe('0')
})
