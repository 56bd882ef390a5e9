import { DurableObject } from 'cloudflare:workers'
import type { Env } from './config.ts'
import { verifyPassword } from './crypto/password.ts'
import { Secret } from './crypto/secret.ts'
import { createPlatform } from './platform.ts'

/**
 * Checks passwords, away from the account: scrypt takes a second of processor time or less, and the thread of the
 * account's object answers everybody. One object for each network that signs in. It stores nothing, and writes nothing
 * down. The Worker itself cannot do this: on the Free plan it has 10 ms of processor time, an object has 30 s.
 */
export class PasswordObject extends DurableObject<Env> {
  async matches(password: string, stored: string): Promise<boolean> {
    const { sleep } = createPlatform(this.env)
    return await verifyPassword(new Secret(password), new Secret(stored), () => sleep(0))
  }
}
