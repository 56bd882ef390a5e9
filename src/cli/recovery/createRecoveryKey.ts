import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { CURVES, generateRecoveryKey } from '../../crypto/recoveryKey.ts'
import { loadRecoveryKey } from '../../signing/recoveryKey.ts'
import type { Context } from '../command.ts'
import { CliError } from '../errors.ts'
import { writeRecoveryKeyFile } from '../files/recoveryKeyFile.ts'

/** Makes a recovery key and writes it into a file of its own. It asks nobody, and sends nothing. */
export async function createRecoveryKey(
  { io, out }: Context,
  name: string,
  givenCurve = 'k256',
): Promise<void> {
  const curve = CURVES.find((each) => each === givenCurve)
  if (!curve) throw new CliError('usage', `--curve "${givenCurve}" is neither k256 nor p256`)
  const file = resolve(io.cwd, name)
  if (existsSync(file))
    throw new CliError('keys-exist', `${file} exists already, and nothing is written over it`, {
      next: 'name another file; if that one is a recovery key, keep it',
    })
  const privateKey = await generateRecoveryKey(curve, io.random)
  const { did } = await loadRecoveryKey(privateKey, curve)
  await writeRecoveryKeyFile(file, { did, curve, privateKey })
  out.warn(
    `${file} is the only copy, and anyone who has it can take the DID that names it. Keep two copies off this machine, on paper or on a device that stays off, and delete it here when you have used it.`,
  )
  out.result(
    { ok: true, did, curve, file },
    `${did}\nNext: \`pds recovery-key add ${name}\` puts it above the other keys of the DID. For an account that is not on a Cirrus, add --identifier <handle>.`,
  )
}
