/* What a page keeps in this browser, and gives out as a file. Loaded by pages that keep something.

   designbookKeep(key, complain) has load(), save(value) and clear(). Where the browser refuses (storage is full or
   forbidden), `complain` is told in one line, and the value lasts as long as the page. designbookTwice asks before
   something is deleted, and designbookFile gives out a file. */
(function () {
  "use strict";
  window.designbookKeep = function (key, complain) {
    let last = null, refused = false;
    function attempt(action) {
      try {
        return action();
      } catch (error) {
        const why = error.name === "QuotaExceededError" ? "its storage is full" : "storage is not allowed";
        if (!refused) complain(`This browser keeps nothing for this page, since ${why}: it lasts until you close the page. Save it as a file to keep it.`);
        refused = true;
        return null;
      }
    }
    return {
      load() {
        const text = refused ? null : attempt(() => localStorage.getItem(key));
        if (refused || text === null) return last;
        try {
          return JSON.parse(text);
        } catch (error) {
          return null;
        }
      },
      save(value) {
        last = value;
        if (!refused) attempt(() => localStorage.setItem(key, JSON.stringify(value)));
      },
      clear() {
        last = null;
        if (!refused) attempt(() => localStorage.removeItem(key));
      },
    };
  };

  /* Makes a button that deletes ask once more, in the words of `again`. */
  window.designbookTwice = function (button, again, action) {
    const words = button.textContent;
    let sure = false;
    const ask = (now) => { sure = now; button.textContent = now ? again : words; };
    button.addEventListener("click", () => {
      const really = sure;
      ask(!really);
      if (really) action();
    });
    button.addEventListener("blur", () => ask(false));
  };

  /* Hands the reader a file. */
  window.designbookFile = function (name, type, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
})();
