import { blobFaults } from '../blobs/blobFaults.ts'
import { flowFaults } from '../flow/flowFaults.ts'
import { repositoryFaults } from '../repository/repositoryFaults.ts'
import type { Planted } from '../repository/spoil.ts'
import { writesFaults } from '../writes/writesFaults.ts'
import { answerFaults } from './answerFaults.ts'
import { callerFaults } from './callerFaults.ts'
import { oauthFaults } from './oauthFaults.ts'
import { requestFaults } from './requestFaults.ts'

/** Every fault that is planted into a real Worker, with the rule that finds it. */
export const seededFaults = [
  ...answerFaults,
  ...requestFaults,
  ...callerFaults,
  ...repositoryFaults,
  ...blobFaults,
  ...writesFaults,
  ...flowFaults,
  ...oauthFaults,
].filter(({ isOfRelays }: Planted) => !isOfRelays)
