/** Starts the dashboard: one store, one tree. */
import { render } from "preact";
import { App } from "./app.js";
import { StoreContext } from "./hooks.js";
import { Store } from "./store.js";
import "./style.css";

const place = document.getElementById("app");
if (place === null) throw new Error("the page has no place for the dashboard");
const store = new Store();
render(
  <StoreContext.Provider value={store}>
    <App />
  </StoreContext.Provider>,
  place,
);
store.start();
