/** Faults of the repository, blobs and writes. */
import { describe } from 'vitest'
import { blobFaults } from '../blobs/blobFaults.ts'
import { repositoryFaults } from '../repository/repositoryFaults.ts'
import { writesFaults } from '../writes/writesFaults.ts'
import { describeFaults } from './describeFaults.ts'

describe('a fault of a real Worker is found', () =>
  describeFaults(
    [...repositoryFaults, ...blobFaults, ...writesFaults].filter(({ isOfRelays }) => !isOfRelays),
  ))
