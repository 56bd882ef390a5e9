import { postPath } from '../fakeWorld.ts'
import type { Fault } from './fault.ts'

const text = (value: string): number[] => [...new TextEncoder().encode(value)]

/** A record with a field `x` of these bytes. */
const recordWith = (value: readonly number[]): Uint8Array =>
  new Uint8Array([0xa2, 0x61, 0x78, ...value, 0x65, ...text('$type'), 0x63, ...text('a.b')])

/** What the specification forbids and live repositories have. */
export const MALFORMED_RECORDS: Readonly<Record<string, Uint8Array>> = {
  [postPath(1001)]: recordWith([0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0]),
  [postPath(1002)]: recordWith([0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  [postPath(1003)]: recordWith([0x62, 0xc3, 0x28]),
  [postPath(1004)]: recordWith([...Array.from({ length: 4000 }, () => 0x81), 0x80]),
  [postPath(1005)]: recordWith([
    0xd8,
    0x2a,
    0x58,
    0x23,
    0,
    0x12,
    0x20,
    ...Array.from({ length: 32 }, () => 7),
  ]),
}

/** Repositories with such records. */
export const RECORD_FAULTS: readonly Fault[] = [
  {
    name: 'records are malformed, and the target takes them',
    side: 'source',
    options: { more: { ...MALFORMED_RECORDS }, target: { refuseRecord: () => undefined } },
  },
  {
    name: 'records are malformed, and the target refuses them',
    side: 'target',
    options: {
      more: { ...MALFORMED_RECORDS },
      target: { refuseRecord: (path) => (path in MALFORMED_RECORDS ? 'no' : undefined) },
    },
  },
]
