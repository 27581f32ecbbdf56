// In the page that `tsugi view --live` serves: keeps <main> as the hosts say it is, and what the
// reader has opened open.
const keyOf = (details) => details.querySelector("summary").textContent;

new EventSource(`main${location.search}`).onmessage = ({ data }) => {
  const before = document.querySelector("main");
  const open = new Map([...before.querySelectorAll("details")].map((it) => [keyOf(it), it.open]));
  const { scrollX, scrollY } = window;
  before.outerHTML = JSON.parse(data);
  for (const details of document.querySelectorAll("main details")) {
    details.open = open.get(keyOf(details)) ?? details.open;
  }
  window.scrollTo(scrollX, scrollY);
};
