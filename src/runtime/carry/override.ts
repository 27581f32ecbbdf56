/** Puts a property over an object's own, or over its prototype's, for a while. Returns what undoes it. */
export function override<T extends object, K extends keyof T>(
  target: T,
  key: K,
  value: T[K],
): () => void {
  const own = Object.getOwnPropertyDescriptor(target, key);
  Object.defineProperty(target, key, { value, configurable: true, writable: true });
  return () => {
    if (own) Object.defineProperty(target, key, own);
    else delete target[key];
  };
}
