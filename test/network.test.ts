import { describe, expect, it } from 'vitest'
import { isLocal, networkOf } from '../src/network.ts'

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
