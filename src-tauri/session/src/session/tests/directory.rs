//! Members, roles, groups and numbers that change while they are shown.

use super::world::{World, user};
use crate::*;

fn is_users(request: &Request) -> bool {
    matches!(request, Request::Users)
}

#[test]
fn w1_who_became_a_member_is_read_as_soon_as_the_directory_changes() {
    let mut world = World::online();
    let asked = world.asked_all(is_users).len();
    let version = world.session.view().directory_version;
    world.event(wire::Event::DirectoryChanged {});
    assert_eq!(world.session.view().directory_version, version + 1);
    let requests = world.asked_all(is_users);
    assert_eq!(requests.len(), asked + 1);
    let (id, _) = requests.last().cloned().unwrap();
    let new = wire::User {
        id: user("nora"),
        first_name: "Nora".into(),
        last_name: "Nunn".into(),
        email: "nora@demo.example".into(),
    };
    world.answer(id, Ok(Reply::Users(vec![new.clone()])));
    assert_eq!(
        world.session.view().users.values().collect::<Vec<_>>(),
        [&new]
    );
    world.event(wire::Event::DirectoryChanged {});
    assert_eq!(world.session.view().directory_version, version + 2);
}
