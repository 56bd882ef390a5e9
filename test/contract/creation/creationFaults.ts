/** What can be wrong with how a server makes accounts, each with the rule that finds it. */
import type { Planted } from '../repository/spoil.ts'

/** The body of a request for an account. */
export type Wanted = Readonly<Record<string, unknown>>

export const MADE = {
  did: 'did:plc:bbbbbbbbbbbbbbbbbbbbbbbb',
  handle: 'contract-00000000.pds.example',
  accessJwt: 'an-access-token',
  refreshJwt: 'a-refresh-token',
}
export const INVITE_CODE = 'the-real-code'

export const refuse = (error: string, status = 400): Response =>
  Response.json({ error, message: 'no' }, { status })

const isForOther = ({ did }: Wanted): boolean => did !== undefined
const isInvited = ({ inviteCode }: Wanted): boolean => inviteCode === INVITE_CODE
const isTaken = ({ handle }: Wanted): boolean => handle === MADE.handle
const isForeign = ({ handle }: Wanted): boolean => !String(handle).endsWith('.pds.example')

/** A server that has made one account, `MADE`, and looks at all that is asked of it. */
export function answerOf(wanted: Wanted): Response {
  if (isForOther(wanted)) return refuse('AuthMissing', 401)
  if (!isInvited(wanted)) return refuse('InvalidInviteCode')
  if (isTaken(wanted)) return refuse('HandleNotAvailable')
  if (isForeign(wanted)) return refuse('UnsupportedDomain')
  return Response.json({ ...MADE, handle: wanted['handle'] })
}

/** A server that does something wrong: what it answers in place of `answerOf`. */
export interface CreationFault extends Pick<Planted, 'name' | 'rule' | 'also' | 'because'> {
  readonly answer: (wanted: Wanted) => Response
}

/** Answers so what an honest server would refuse. */
const instead = (when: (wanted: Wanted) => boolean, response: (wanted: Wanted) => Response) => ({
  answer: (wanted: Wanted): Response => (when(wanted) ? response(wanted) : answerOf(wanted)),
})
const made = ({ handle }: Wanted): Response => Response.json({ ...MADE, handle, accessJwt: 'a-secret-token' })

export const creationFaults: readonly CreationFault[] = [
  { name: 'a handle has two accounts', rule: 'creation.taken-handle', ...instead(isTaken, made) },
  { name: 'handles below any domain', rule: 'creation.foreign-domain', ...instead(isForeign, made) },
  {
    name: 'an invite code is any text',
    rule: 'creation.invite-code',
    ...instead((wanted) => !isInvited(wanted), made),
  },
  {
    name: 'an account for the DID of somebody else',
    rule: 'creation.foreign-did',
    ...instead(isForOther, made),
  },
  {
    name: 'a handle that is taken is a bad request',
    rule: 'creation.names',
    ...instead(isTaken, () => refuse('InvalidRequest')),
  },
  {
    name: 'another domain is told as a handle that is taken',
    rule: 'creation.names',
    ...instead(isForeign, () => refuse('HandleNotAvailable')),
  },
  {
    name: 'a made-up code is refused without a name',
    rule: 'creation.names',
    also: ['answer.error-shape'],
    because: 'any error has a name',
    ...instead(
      (wanted) => !isInvited(wanted),
      () => Response.json({ message: 'no' }, { status: 400 }),
    ),
  },
]
