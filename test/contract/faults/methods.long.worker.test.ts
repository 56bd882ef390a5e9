/** Faults of methods: their answers, their requests, their callers. */
import { describe } from 'vitest'
import { answerFaults } from './answerFaults.ts'
import { callerFaults } from './callerFaults.ts'
import { describeFaults } from './describeFaults.ts'
import { requestFaults } from './requestFaults.ts'

describe('a fault of a real Worker is found', () =>
  describeFaults([...answerFaults, ...requestFaults, ...callerFaults]))
