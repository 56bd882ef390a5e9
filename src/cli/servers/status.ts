import type { Client, Output as MethodOutput } from '../../client/index.ts'
import { orServerError } from './serverErrors.ts'

/** What `com.cirrus.admin.getStatus` answers: the account, its identity as the network sees it, and the next step. */
export type Status = MethodOutput<'com.cirrus.admin.getStatus'>

/** Asks the server for its status, as its admin. */
export const getStatus = (server: Client): Promise<Status> =>
  orServerError(server.com.cirrus.admin.getStatus())

/** `absent`, `active`, `deactivated` or `moved`. */
export const stateOf = ({ state, active }: Status): string => state ?? (active ? 'active' : 'deactivated')

/** The operations that were signed and not submitted, each with what it changes; an empty text if there are none. */
export const unsubmittedText = ({ unsubmitted }: Status): string =>
  unsubmitted
    .map(({ cid, signedAt, pds, changes }) =>
      [
        `${cid}, signed ${signedAt}${pds ? `, to ${pds}` : ''}`,
        ...changes.map((change) => `  ${change}`),
      ].join('\n'),
    )
    .join('\n')

/** Whether the network follows the account, as the server found out now. */
export type Reach = MethodOutput<'com.cirrus.admin.getReach'>

/** A repository that the server fetches by itself. */
export type Pull = NonNullable<MethodOutput<'com.cirrus.admin.getPull'>['pull']>

/** The pull that is not over, if there is one. A server of an earlier version has none. */
export const getPull = async (server: Client): Promise<Pull | undefined> => {
  try {
    const { pull } = await server.com.cirrus.admin.getPull()
    return pull?.phase === 'done' ? undefined : pull
  } catch {
    return undefined
  }
}

/** Asks the server what relays and AppView say. A server of an earlier version, or one that fails, costs nothing. */
export const getReach = async (server: Client): Promise<Reach | undefined> => {
  try {
    return await server.com.cirrus.admin.getReach()
  } catch {
    return undefined
  }
}
