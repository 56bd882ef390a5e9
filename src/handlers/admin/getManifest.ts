import { signedManifest } from '../../account/repo/manifest.ts'
import type { Handler } from '../context.ts'

export const getManifest: Handler<'com.cirrus.admin.getManifest'> = async ({ account }) => ({
  manifest: await signedManifest(account),
})
