import { answers } from './areas/answers.ts'
import { firehose } from './areas/firehose/firehose.ts'
import { identity } from './areas/identity.ts'
import { lifecycle } from './areas/lifecycle.ts'
import { oauth } from './areas/oauth.ts'
import { repository } from './areas/repository/repository.ts'
import { sessions } from './areas/sessions.ts'
import type { Area, Rule } from './types.ts'

/** Every part of the contract, in the order in which it is checked: reads first, what changes the account last. */
export const AREAS: readonly Area[] = [identity, oauth, repository, firehose, sessions, lifecycle]

/** Every rule, each once. */
export const RULES: readonly Rule[] = [...answers, ...AREAS.flatMap(({ rules }) => rules)]
