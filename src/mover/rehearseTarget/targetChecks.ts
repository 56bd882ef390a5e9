import { blobChecks } from './checks/blobs.ts'
import { createAccountChecks } from './checks/createAccount.ts'
import { deactivateChecks } from './checks/deactivate.ts'
import { commitCheck, eventChecks, quietCheck } from './checks/events.ts'
import { identityChecks } from './checks/identity.ts'
import { importRepoChecks } from './checks/importRepo.ts'
import { servedChecks } from './checks/served.ts'
import type { TargetCheck } from './types.ts'

const named = (checks: readonly TargetCheck[], ...ids: string[]): TargetCheck[] =>
  checks.filter(({ id }) => ids.includes(id))
const others = (checks: readonly TargetCheck[], ...ids: string[]): TargetCheck[] =>
  checks.filter(({ id }) => !ids.includes(id))

/** Every expectation, in the order of a move. */
export const TARGET_CHECKS: readonly TargetCheck[] = [
  ...createAccountChecks,
  ...named(identityChecks, 'credentials'),
  ...importRepoChecks,
  ...blobChecks,
  quietCheck,
  ...others(identityChecks, 'credentials'),
  ...others(servedChecks, 'write'),
  ...eventChecks,
  ...named(servedChecks, 'write'),
  commitCheck,
  ...deactivateChecks,
]
