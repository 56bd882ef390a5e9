import { answers } from './areas/answers.ts'
import { appPasswords } from './areas/appPasswords.ts'
import { blobs } from './areas/blobs/blobs.ts'
import { creation } from './areas/creation.ts'
import { deletion } from './areas/deletion/deletion.ts'
import { firehose } from './areas/firehose/firehose.ts'
import { identity } from './areas/identity.ts'
import { leaving } from './areas/leaving.ts'
import { lifecycle } from './areas/lifecycle/lifecycle.ts'
import { METHOD_AREAS } from './areas/methods/methodAreas.ts'
import { oauth } from './areas/oauth.ts'
import { repository } from './areas/repository/repository.ts'
import { sessions } from './areas/sessions.ts'
import { signature } from './areas/signature/signature.ts'
import { target } from './areas/target.ts'
import { writes } from './areas/writes/writes.ts'
import type { Area, Rule } from './types.ts'

/** Every part of the contract, in the order in which it is checked: reads first, what changes the account last. */
export const AREAS: readonly Area[] = [
  ...METHOD_AREAS,
  identity,
  oauth,
  repository,
  blobs,
  firehose,
  writes,
  leaving,
  signature,
  appPasswords,
  sessions,
  creation,
  lifecycle,
  deletion,
  target,
]

/** Every rule, each once. */
export const RULES: readonly Rule[] = [...answers, ...AREAS.flatMap(({ rules }) => rules)]
