import { PasskeyError, type PasskeyErrorCode } from '../../account/oauth/passkeys/passkeyError.ts'
import { WebauthnError } from '../../webauthn/webauthnError.ts'
import type { Visit } from '../visit.ts'
import type { PasskeyTexts } from './en.ts'
import { passkeyTexts } from './passkeyTexts.ts'

const MEANINGS: Partial<Record<PasskeyErrorCode, (text: PasskeyTexts) => string>> = {
  LinkNotFound: ({ register }) => register.gone,
  TooManyPasskeys: ({ register }) => register.full,
  BadName: ({ register }) => register.badName,
  AlreadyRegistered: ({ known }) => known,
  PasskeyNotFound: ({ problem }) => problem.unknown,
  AnsweredAlready: ({ problem }) => problem.stale,
  NoPasskey: ({ list }) => list.needsPasskey,
}

/** What a person is told of a passkey that was refused. Throws what is not such a refusal. */
export const passkeyProblem = (visit: Visit, cause: unknown): string => {
  const text = passkeyTexts(visit)
  if (cause instanceof PasskeyError) return MEANINGS[cause.code]?.(text) ?? cause.message
  if (!(cause instanceof WebauthnError)) throw cause
  if (cause.code === 'WrongChallenge') return text.problem.stale
  return cause.code === 'CounterBehind' ? text.problem.copied : text.problem.wrong
}
