//! Plays every file of `dialogues/` against the inbound session: whole, and split at every octet.

mod play;

macro_rules! dialogues {
    ($($name:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $name() {
                play::client::play(stringify!($name)).await;
            }
        )*

        #[test]
        fn every_dialogue_is_played() {
            let mut played: Vec<&str> = vec![$(stringify!($name)),*];
            played.sort_unstable();
            let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/dialogues")).unwrap();
            let mut files: Vec<String> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
            files.sort_unstable();
            assert_eq!(files, played.iter().map(|name| format!("{name}.smtp")).collect::<Vec<_>>());
        }
    };
}

dialogues!(
    m_t1_a_421_of_the_gate_ends_the_session,
    m_t1_a_connection_cut_after_the_dot_is_unconfirmed,
    m_t1_a_connection_cut_inside_a_chunk_leaves_nothing,
    m_t1_a_connection_cut_inside_data_leaves_nothing,
    m_t1_a_half_closed_client_still_gets_its_reply,
    m_t1_a_mail_comes_in_chunks,
    m_t1_a_mail_goes_through,
    m_t1_a_mail_refused_after_its_dot,
    m_t1_a_quit_sent_ahead_confirms_nothing,
    m_t1_a_refused_chunk_spoils_the_mail,
    m_t1_an_idle_session_is_told_that_we_stop,
    m_t1_another_protocol_is_turned_away,
    m_t1_auth_login_under_tls,
    m_t1_auth_plain_under_tls,
    m_t1_chunks_out_of_order,
    m_t1_commands_out_of_order,
    m_t1_dsn_parameters,
    m_t1_no_auth_where_nobody_signs_in,
    m_t1_pipelined_commands_are_answered_in_order,
    m_t1_smtputf8_addresses,
    m_t1_starttls_begins_the_session_anew,
    m_t1_starttls_injection_is_thrown_away,
    m_t1_starttls_without_a_certificate,
    m_t1_the_gate_turns_a_client_away,
    m_t1_xclient_from_a_listed_filter,
    m_t6_a_line_without_end_ends_the_session,
    m_t6_an_endless_chunk_ends_the_session,
    m_t6_data_refused_at_the_gate,
    m_t6_endless_data_ends_the_session,
    m_t6_no_room_for_a_chunk,
    m_t6_no_room_for_a_mail,
    m_t6_over_long_lines,
    m_t6_size_and_recipient_limits,
    m_t6_ten_bad_commands_end_the_session,
    x_16_three_wrong_passwords_end_the_session,
    x_20_a_proxy_header_from_others_ends_the_session,
    x_20_a_proxy_line_from_others_ends_the_session,
    x_20_xclient_from_others_is_refused,
    x_8_a_bad_bdat_feed_ends_the_session,
    x_8_a_bad_bdat_joined_ends_the_session,
    x_8_a_bad_bdat_minus_ends_the_session,
    x_8_a_bad_bdat_number_ends_the_session,
    x_8_a_bad_bdat_tab_ends_the_session,
    x_8_a_bad_bdat_twice_ends_the_session,
    x_8_a_bad_bdat_word_ends_the_session,
    x_8_bare_newlines_are_normalised_if_set,
    x_8_bare_newlines_in_commands,
    x_8_chunks_with_bare_newlines,
    x_8_content_sent_ahead_of_a_refused_data_is_no_command,
    x_8_nul_and_long_lines_in_content,
    x_8_smuggled_mails_stay_content,
);
