import type { Step } from '../move.ts'
import { account } from './account.ts'
import { activate } from './activate.ts'
import { blobs } from './blobs.ts'
import { catchUp } from './catchUp.ts'
import { compare } from './compare.ts'
import { confirm } from './confirm.ts'
import { deactivate } from './deactivate.ts'
import { lateRecords } from './lateRecords.ts'
import { preferences } from './preferences.ts'
import { preflight } from './preflight.ts'
import { preview } from './preview.ts'
import { repository } from './repository.ts'
import { sign } from './sign.ts'
import { submit } from './submit.ts'
import { verify } from './verify.ts'

/** The steps in their order. `who` comes before them: it opens the two servers. */
export const STEPS: readonly Step[] = [
  preflight,
  account,
  repository,
  blobs,
  preferences,
  preview,
  confirm,
  sign,
  compare,
  submit,
  catchUp,
  activate,
  verify,
  deactivate,
  lateRecords,
]
