/** SQL over `repositories r`: the policy of pulls in force, as JSON; NULL for none. */
export const SCAN_POLICY = `coalesce(r.scan_policy, (SELECT n.scan_policy FROM namespaces n WHERE n.name = r.namespace))`;
