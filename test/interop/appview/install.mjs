// Installs the AppView and the clients beside this file, once: half a minute, 320 MB, nothing to compile. Its Postgres
// is the system's; support/postgres.ts looks for it.
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

import { installer } from '../installer.mjs'

const { isDone, npmInstall, finish } = installer(dirname(fileURLToPath(import.meta.url)))
if (isDone()) process.exit(0)
npmInstall('npm install of the AppView')
finish()
