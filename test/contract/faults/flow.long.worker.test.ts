/** Faults of more than one method: identity, sessions, leaving, app passwords, the lifecycle, the firehose, OAuth. */
import { describe } from 'vitest'
import { flowFaults } from '../flow/flowFaults.ts'
import { describeFaults } from './describeFaults.ts'
import { oauthFaults } from './oauthFaults.ts'

describe('a fault of a real Worker is found', () => describeFaults([...flowFaults, ...oauthFaults]))
