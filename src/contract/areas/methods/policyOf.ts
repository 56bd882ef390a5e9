import { policy, type Rule } from '../../../policy.ts'

/** The row of a method in the policy of a Cirrus. Undefined for a method that it does not know. */
export const policyOf = (id: string): Rule | undefined =>
  Object.hasOwn(policy, id) ? policy[id as keyof typeof policy] : undefined
