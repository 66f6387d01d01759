/** As a `ref` of a new view: the keyboard goes on there, and a screen reader says where it is. */
export function focusWhenShown(element: HTMLElement | null): void {
  element?.focus({ preventScroll: true });
}
