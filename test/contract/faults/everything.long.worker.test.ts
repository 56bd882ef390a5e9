/** Nothing that a fault cannot change is asked again in the other tests. Asking it again finds the same. */
import { describe } from 'vitest'
import { seededFaults } from './seededFaults.ts'
import { describeFaults } from './describeFaults.ts'

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

describe('a fault of a real Worker is found, with all that it cannot change', () => {
  describeFaults(
    seededFaults.filter(({ name }) => SOME.includes(name)),
    { everything: true },
  )
})
