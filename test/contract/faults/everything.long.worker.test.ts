/**
 * Nothing that a fault cannot change is asked again in the other tests. Asking it again finds the same: shown here for a
 * few, and with `EVERYTHING=1/16` for the first sixteenth of all.
 */
import { describe } from 'vitest'
import { seededFaults } from './seededFaults.ts'
import { describeFaults } from './describeFaults.ts'
import { partOf } from './partOf.ts'

declare const __EVERYTHING__: string

/** One from each part of the suite, of methods that many areas ask. */
const SOME = [
  'there is always another page',
  'the session of the owner reads the journal',
  'an export has two roots',
  'getRecord drops a field',
  'a blob is cut',
  'blobs stay public',
  'prevData of another tree',
]

const tried =
  __EVERYTHING__ === ''
    ? seededFaults.filter(({ name }) => SOME.includes(name))
    : partOf(seededFaults, __EVERYTHING__)

describe('a fault of a real Worker is found, with all that it cannot change', () => {
  describeFaults(tried, { everything: true })
})
