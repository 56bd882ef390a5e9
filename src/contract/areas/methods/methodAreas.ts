import type { Area } from '../../types.ts'
import { bodies } from './bodies.ts'
import { calls } from './calls.ts'
import { credentials } from './credentials.ts'
import { declaredErrors } from './declaredErrors.ts'
import { paging } from './paging.ts'
import { params } from './params.ts'
import { preflight } from './preflight.ts'
import { reads } from './reads.ts'
import { served } from './served.ts'
import { signIn } from './signIn.ts'
import { unknownMethods } from './unknownMethods.ts'
import { verbs } from './verbs.ts'

/** What follows from the documents of the methods alone: any document that is given yields its cases. */
export const METHOD_AREAS: readonly Area[] = [
  served,
  unknownMethods,
  verbs,
  preflight,
  reads,
  params,
  paging,
  declaredErrors,
  credentials,
  bodies,
  signIn,
  calls,
]
