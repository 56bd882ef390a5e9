import { overridePlatform } from '../../src/platform.ts'

// The tests in workerd run before each file: an object with the platform of production, such as the one whose storage
// a test borrows, must not reach the real directory or the real relays when its alarm comes.
overridePlatform({ fetch: () => Promise.reject(new Error('no network in the tests')) })
