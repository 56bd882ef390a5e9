/** An account on a Cirrus of its own, with its PLC directory, and the folder of the deployment. */
import { writeFile } from 'node:fs/promises'
import { startPlcCirrus } from '../../dev/account.ts'
import { type PlcDirectory, startPlc } from '../../dev/plc.ts'
import { folder } from './support.ts'

type PlcCirrus = Awaited<ReturnType<typeof startPlcCirrus>>

export interface Deployment extends AsyncDisposable {
  readonly plc: PlcDirectory
  readonly cirrus: PlcCirrus
  /** Has a wrangler.toml that names the account and its server. */
  readonly here: Awaited<ReturnType<typeof folder>>
  /** What gives `pds` the admin password of the server. */
  readonly env: Readonly<Record<string, string>>
  /** The DID document, as the directory has it. */
  document(): Promise<unknown>
  /** The operations on the DID. */
  log(): Promise<{ verificationMethods: { atproto: string }; rotationKeys: string[] }[]>
}

export async function startDeployment(): Promise<Deployment> {
  const plc = await startPlc()
  const here = await folder()
  const cirrus = await startPlcCirrus({ plcUrl: plc.url, handle: 'alice.test' })
  const { did, handle, port } = cirrus
  const vars = {
    DID: did,
    HANDLE: handle,
    HOSTNAME: `localhost:${port}`,
    PLC_DIRECTORY_URL: plc.url,
  }
  const lines = Object.entries(vars).map(([name, value]) => `${name} = "${value}"\n`)
  await writeFile(here.in('wrangler.toml'), `[vars]\n${lines.join('')}`)
  const ask = async (path: string) => (await fetch(`${plc.url}/${did}${path}`)).json()
  return {
    plc,
    cirrus,
    here,
    env: { ADMIN_PASSWORD: cirrus.adminPassword },
    document: () => ask(''),
    log: () => ask('/log') as ReturnType<Deployment['log']>,
    async [Symbol.asyncDispose]() {
      await Promise.all([cirrus.close(), plc.close()])
      await here[Symbol.asyncDispose]()
    },
  }
}
