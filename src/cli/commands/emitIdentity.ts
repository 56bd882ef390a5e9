import { orServerError } from '../servers/serverErrors.ts'
import { command } from '../command.ts'

export const emitIdentity = command({
  name: 'emit-identity',
  summary: 'Tell the network to look up the DID again: handle, key and server.',
  description:
    'Emits an #identity event on the firehose. Cirrus does this by itself when it notices a change.',
  async run({ admin, out }) {
    const server = await admin()
    const { seq, did, handle, error } = await orServerError(server.com.cirrus.admin.emitIdentity())
    if (error !== undefined) out.warn(`${error}\nThe event has the configured handle (HANDLE).`)
    out.result(
      { ok: true, seq, did, handle, ...(error !== undefined && { error }) },
      `Event ${seq}: ${handle} (${did}).`,
    )
  },
})
