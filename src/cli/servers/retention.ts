import type { Client } from '../../client/index.ts'
import type { Context } from '../command.ts'
import { confirmHandle } from '../terminal/confirmHandle.ts'
import { orServerError } from './serverErrors.ts'
import type { Status } from './status.ts'

/** What the retention lock keeps, and until when. */
export const retentionText = ({ until, verified, pds }: NonNullable<Status['retention']>): string =>
  `no blob is collected, and nothing is replaced or deleted, before ${until}${
    verified ? '' : `\nand before \`pds verify --to ${pds ?? '<url>'}\` has passed`
  }`

/** Before the repository here is replaced: ends the retention lock, if it holds, for a user who types the handle. */
export const giveUpKept = async (
  context: Pick<Context, 'out' | 'prompts'>,
  admin: Client,
  { status, given }: { status: Status; given: string | undefined },
): Promise<void> => {
  const { retention, handle } = status
  if (!retention) return
  context.out.warn(
    `what this server has of ${handle} is kept after the move: ${retentionText(retention)}`,
    'retention-locked',
  )
  await orServerError(
    admin.com.cirrus.admin.releaseRetention({
      confirmHandle: await confirmHandle(context, { given, handle, to: 'replace what is here' }),
    }),
  )
}
