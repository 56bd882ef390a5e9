import { describe, expect, it } from 'vitest'
import { blockOf, callerNetwork, isLocal, networkOf, regionOf } from '../src/network.ts'

describe('the network of an address', () => {
  it.for([
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:0002::6', '2001:db8:1:2::/64'],
    ['2001:db8::', '2001:db8:0:0::/64'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['::FFFF:192.0.2.1', '192.0.2.1'],
    ['0:0:0:0:0:ffff:192.0.2.1', '192.0.2.1'],
    ['::ffff:c000:201', '192.0.2.1'],
    ['::FFFF:C000:0201', '192.0.2.1'],
    ['0000:0000:0000:0000:0000:ffff:c000:0201', '192.0.2.1'],
    ['0::0:ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2::ffff:c000:201', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::192.0.2.1', '2001:db8:1:2::/64'],
  ] as const)('%s is %s', ([address, network]) => {
    expect(networkOf(address)).toBe(network)
    expect(isLocal(networkOf(address))).toBe(false)
  })

  it.for([null, '', ' ', '127.0.0.1', '::1', '::ffff:127.0.0.1', '::ffff:7f00:1'])(
    '%j is local',
    (address) => {
      expect(isLocal(networkOf(address))).toBe(true)
    },
  )
})

describe('the network of a request', () => {
  const sent = (address: string, zone?: string) =>
    callerNetwork(
      new Headers({ 'cf-connecting-ip': address, ...(zone !== undefined && { 'cf-worker': zone }) }),
    )
  const WORKER = '2a06:98c0:3600::103'

  it('is that of its address', () => {
    expect(sent('192.0.2.1')).toBe('192.0.2.1')
    expect(callerNetwork(new Headers())).toBeUndefined()
  })

  it('is the zone of the Worker that sent it: they all have one address', () => {
    const zones = ['a.workers.dev', 'b.workers.dev', 'app.example.org', 'other.example.org']
    for (const group of [(it: string | undefined) => it, blockOf, regionOf])
      expect(new Set(zones.map((zone) => group(sent(WORKER, zone)))).size).toBe(zones.length)
    expect(sent(WORKER, 'App.example.org')).toBe(sent(WORKER, 'app.example.org'))
    expect(isLocal(sent(WORKER, '127.0.0.1'))).toBe(false)
    expect(sent(WORKER)).toBe('2a06:98c0:3600:0::/64')
  })

  it('is not what another caller says that it is', () => {
    expect(sent('192.0.2.1', 'app.example.org')).toBe('192.0.2.1')
    expect(sent('2a06:98c0:3601::103', 'app.example.org')).toBe('2a06:98c0:3601:0::/64')
  })
})
