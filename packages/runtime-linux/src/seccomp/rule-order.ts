import type { Condition } from './condition.ts';
import type { Rule } from './policy.ts';

/** Equality says more than an upper bound, that more than a lower one, and what always holds says nothing. */
function strength({ op, negated }: Condition): number {
  if (op === 'eq' || op === 'masked') return 3;
  return negated ? 2 : 1;
}

/** Negative when `a` is asked first. Upper bounds: the smallest first; everything else: the largest value first. */
function compareConditions(a: Condition | undefined, b: Condition | undefined): number {
  if (a === undefined || b === undefined) return (a === undefined ? 1 : 0) - (b === undefined ? 1 : 0);
  if (a.index !== b.index) return b.index - a.index;
  const stronger = strength(b) - strength(a);
  if (stronger !== 0) return stronger;
  const larger = a.value === b.value ? 0 : a.value > b.value ? -1 : 1;
  return strength(a) === 2 ? -larger : larger;
}

/** A rule stands where its condition on the lowest argument does. */
function leading({ conditions }: Rule): Condition | undefined {
  return conditions.toSorted((a, b) => a.index - b.index)[0];
}

/**
 * The order in which the rules of one system call are asked. It only matters where rules with different actions hold
 * for one call, which the OCI specification says nothing about. libseccomp asks by argument (the last one first) and
 * then from the narrowest condition to the widest, whatever the order in the profile; so does this.
 */
export function inOrder(rules: readonly Rule[]): Rule[] {
  return rules.toSorted((a, b) => compareConditions(leading(a), leading(b)));
}
