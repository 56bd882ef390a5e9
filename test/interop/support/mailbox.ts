import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Reference } from './reference.ts'

/** A mailbox that programs read, with the mails of a reference PDS. */
export interface Mailbox extends AsyncDisposable {
  /** Prints the newest code, as a user's own script would. Needs `MAILBOX` in the environment. */
  readonly command: string
  readonly env: { readonly MAILBOX: string }
}

const TEMPLATES: Record<string, string> = {
  'plc-signature': 'plcOperation',
  'account-deletion': 'deleteAccount',
}

/** What `pds-contract` says about the code is in the environment of the command. */
const SCRIPT =
  'fetch(process.env.MAILBOX + process.env.CONTRACT_CODE_FOR).then((it) => it.text()).then((text) => console.log(text))'

/** Serves the newest mail to an address. `edit` makes another code of it: the number of the question is given. */
export async function startMailbox(
  pds: Pick<Reference, 'mails'>,
  address: string,
  edit: (code: string, question: number) => string | Promise<string> = (code) => code,
): Promise<Mailbox> {
  let questions = 0
  const server = createServer((request, response) => {
    const template = TEMPLATES[(request.url ?? '').slice(1)]
    const question = (questions += 1)
    void pds.mails().then(async (mails) => {
      const newest = mails.findLast((mail) => mail.template === template && mail.to === address)
      response.end(newest ? await edit(newest.token, question) : '')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A server that listens on TCP has an AddressInfo; only a pipe has a string.
  const { port } = server.address() as AddressInfo
  return {
    command: `"${process.execPath}" -e "${SCRIPT}"`,
    env: { MAILBOX: `http://127.0.0.1:${port}/` },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
