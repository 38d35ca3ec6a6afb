// What Glean.js takes from a browser, for Node: two stores, a document, a page's address.
class Store {
  #values = new Map();
  getItem(key) {
    return this.#values.get(key) ?? null;
  }
  setItem(key, value) {
    this.#values.set(key, String(value));
  }
  removeItem(key) {
    this.#values.delete(key);
  }
}

const globals = {
  window: globalThis,
  localStorage: new Store(),
  sessionStorage: new Store(),
  document: { title: "a page", referrer: "", addEventListener() {} },
  location: new URL("https://garden.example.org/page"),
  navigator: { userAgent: "Linux", language: "en" },
};
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}
